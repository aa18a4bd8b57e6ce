"""The bench of the commands."""

from cli.conftest import bench

__all__ = ["bench"]

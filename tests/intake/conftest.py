"""The benches of the commands."""

from cli.conftest import bench, finished_bench, made

__all__ = ["bench", "finished_bench", "made"]

"""Turn every (checkpoint, artifact) pair into a file that can be verified."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.cluster.submission.handle import submit
    from assay.plan import expected_outputs
    from assay.store.artifacts import load_artifact

__all__ = ["expected_outputs", "load_artifact", "submit"]

_HOMES = {
    "expected_outputs": "assay.plan",
    "load_artifact": "assay.store.artifacts",
    "submit": "assay.cluster.submission.handle",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'assay' has no attribute {name!r}")

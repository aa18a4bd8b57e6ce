"""Where a training was best: the lowest value of its first loss, on validation data where there is one."""

import math
from collections.abc import Mapping
from typing import Any


def best_point(curves: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Metric, value, epoch and step of the best point; None without a loss that is finite somewhere."""
    losses = sorted((name for name in curves if "loss" in name.lower()), key=_rank)
    for name in losses:
        curve = curves[name]
        values = [float(value) for value in curve["value"]]
        finite = [place for place, value in enumerate(values) if math.isfinite(value)]
        if finite:
            best = min(finite, key=values.__getitem__)
            at = {key: curve[key][best] for key in ("epoch", "step")}
            return {"metric": name, "value": values[best], **at}
    return None


def _rank(name: str) -> tuple[bool, int, str]:
    """Validation first, then the shortest name, as `val_loss` before `val_loss_aux`."""
    return "val" not in name.lower(), len(name), name

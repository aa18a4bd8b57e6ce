"""Random CAN traffic, and the files that hold it."""

from pathlib import Path

import numpy as np

OPTIONS = {
    "window": 10,
    "stride": 10,
    "vocab_scope": "train",
    "val_fraction": 0.2,
    "scaler": "none",
    "sequence_length": 1,
    "sequence_stride": 1,
}
NAMES = ("arbitration_id", "data_field")


def traffic(seed, n, ids=("0A0", "1E5", "02B0", "7FF"), attacks=0.0, start=0.0):
    """Rows (time, id, bytes, attack): loops, parallel edges, short, empty and constant payloads."""
    draw = np.random.default_rng(seed)
    times = start + np.round(np.cumsum(draw.exponential(0.01, n)), 6)
    lengths = dict(zip(ids, draw.choice([0, 1, 3, 8], len(ids)), strict=True))
    rows = []
    for time in times:
        name = str(draw.choice(ids))
        payload = bytes((draw.integers(0, 4, lengths[name]) * draw.integers(1, 64)).tolist())
        rows.append((float(time), name, payload, int(draw.random() < attacks)))
    return rows


def write_csv(path, rows, names=NAMES, newline="\n", bom="", label=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(("timestamp", *names, *(["attack"] if label else [])))]
    for time, name, payload, attack in rows:
        tail = f",{attack}" if label else ""
        lines.append(f"{time!r},{name},{payload.hex().upper()}{tail}")
    path.write_bytes((bom + newline.join(lines) + newline).encode())
    return path


def write_text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join(lines).encode() + b"\n")
    return path

"""What Slurm's commands print, as numbers: records, times, sizes and GPUs."""

import math
import re

UNBOUNDED = {"UNLIMITED", "INFINITE", "NONE", "N/A", "(NULL)", ""}
MB_OF_UNIT = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2, "P": 1024**3}


def settings(text: str) -> dict[str, str]:
    """Key -> value of `scontrol show config`; its first and last lines are no settings and fall out."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def records(text: str) -> list[dict[str, str]]:
    """The records of `scontrol --oneliner show`, a line each; a value may hold spaces, as Reason and OS do."""
    return [record(line) for line in text.splitlines() if "=" in line]


def record(line: str) -> dict[str, str]:
    """The fields of one record. A word with `=` behind a space begins a field."""
    fields = re.split(r"\s+(?=[A-Za-z][\w/:]*=)", line.strip())
    return {key: value for key, _, value in (field.partition("=") for field in fields)}


def limit_minutes(text: str) -> float:
    """A time limit in minutes; infinite where there is none.

    Forms: minutes, minutes:seconds, hours:minutes:seconds, days-hours[:minutes[:seconds]] (sbatch(1), --time).

    Raises:
        ValueError: it is no time.
    """
    if text.strip().upper() in UNBOUNDED:
        return math.inf
    days, dash, clock = text.strip().rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    if dash:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
        return int(days) * 1440.0 + hours * 60 + minutes + seconds / 60
    hours, minutes, seconds = (0, *parts, 0)[:3] if len(parts) < 3 else parts
    return hours * 60.0 + minutes + seconds / 60


def limit_mb(text: str) -> float:
    """A memory limit in MB, as `4000`, `16G` or UNLIMITED; infinite where there is none, which Slurm also writes 0.

    Raises:
        ValueError: it is no size.
    """
    if text.strip().upper() in UNBOUNDED or text.strip() == "0":
        return math.inf
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGTP]?)B?", text.strip().upper())
    if not found:
        raise ValueError(f"{text!r} is no size, such as 4000 or 16G.")
    return float(found[1]) * MB_OF_UNIT[found[2] or "M"]


def seconds(text: str) -> int | None:
    """A period such as `300 sec`; nothing where no number stands there."""
    found = re.match(r"\d+", text.strip())
    return int(found[0]) if found else None


def gpus(gres: str) -> dict[str, int]:
    """Kind -> number of the GPUs in a Gres such as `gpu:a100:4(S:0-1),shard:8`; a kind without a name is ''."""
    counts: dict[str, int] = {}
    for item in re.sub(r"\([^)]*\)", "", gres).split(","):
        name, *rest = item.split(":")
        if name.strip().lower() != "gpu":
            continue
        words = [word for word in rest if word != "no_consume"]
        number = int(words.pop()) if words and words[-1].isdigit() else 1
        kind = words[0] if words else ""
        counts[kind] = counts.get(kind, 0) + number
    return counts

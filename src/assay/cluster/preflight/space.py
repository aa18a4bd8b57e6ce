"""How many bytes and files a plan will add, and whether the file system and the quota have room for them."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from assay.cluster.commands import answer, is_installed
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.listing import Listing
from assay.config import Plan
from assay.errors import Refused
from assay.files import read_json
from assay.layout import Layout
from assay.plan import Request
from assay.tokens import checkpoint_files, source_files

SAMPLE = 20  # records read for each artifact
MARGIN = 1.2
FILES_OF_ARTIFACT = 4  # with its record, log and owner
KIB = 1024
UNITS = ("bytes", "kB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a plan will add to the results, and how that was estimated."""

    n_bytes: int
    n_files: int
    how: str


def expected(plan: Plan, wanted: Sequence[Request], listing: Listing) -> Expected:
    """The bytes and files of what is not there yet.

    Artifacts: the median of up to 20 records of the same artifact; where none was made, the size of the checkpoint.
    Weights and prepared data: the size of their sources. What is stale is replaced by about as much.
    """
    missing = [request for request in wanted if not listing.holds(request.target)]
    known = _medians({request.artifact for request in missing}, wanted, listing)
    sizes = {name: _checkpoint_bytes(plan, name) for name in plan.rows}
    layout = Layout(plan.results)
    intakes = [name for name in plan.rows if not listing.holds(layout.intake(name))]
    data = {
        request.data.name: request.data
        for request in wanted
        if not listing.holds(layout.data(request.data.name))
    }
    n_bytes = (
        sum(known.get(request.artifact, sizes[request.row.checkpoint]) for request in missing)
        + sum(sizes[name] for name in intakes)
        + sum(_size(file) for one in data.values() for file in source_files(one))
    )
    unknown = sorted({request.artifact for request in missing} - known.keys())
    how = (
        f"{len(missing)} artifacts by the records of their like, {len(intakes)} weights and {len(data)} data sets by "
        f"the size of their sources, times {MARGIN:g}; figures are not counted"
    )
    if unseen := sum(n == 0 for n in sizes.values()):
        how += f"; {unseen} checkpoints are not made yet: counted as nothing"
    if unknown:
        how += f"; no record yet of {', '.join(unknown)}: counted as the checkpoint"
    n_files = FILES_OF_ARTIFACT * len(missing) + 5 * len(intakes)
    return Expected(int(MARGIN * n_bytes), n_files, how)


def space_findings(folder: Path, needs: Expected) -> Iterator[Finding]:
    """Whether the file system of `folder`, and this user's quota there, hold what is expected."""
    there = os.statvfs(folder)
    advice = f"Make room or set `results` elsewhere. Estimated: {needs.how}."
    free = there.f_bavail * there.f_frsize
    if needs.n_bytes > free:
        yield Finding(str(folder), "disk space", f"{size(free)} free", size(needs.n_bytes), advice)
    if there.f_files and needs.n_files > there.f_favail:
        yield Finding(str(folder), "inodes", f"{there.f_favail} free", str(needs.n_files), advice)
    left = quota_left(folder)
    if left is not None and needs.n_bytes > left:
        yield Finding(str(folder), "quota", f"{size(left)} left", size(needs.n_bytes), advice)


def quota_left(folder: Path) -> int | None:
    """The bytes that the user's quota leaves on the file system of `folder`; nothing where `quota` does not know."""
    if not is_installed("quota"):
        return None
    said = answer(["quota", "--user", "--no-wrap", "--raw-grace", "--show-mntpoint", "--hide-device"], 5)
    rows = [line.split() for line in said.out.splitlines()]
    limits = {row[0]: row for row in rows if len(row) >= 4 and row[0].startswith("/")}
    row = limits.get(str(_mount(folder)))
    if row is None or not (row[2].isdigit() and row[3].isdigit()):
        return None
    used, soft, hard = int(row[1].rstrip("*")), int(row[2]), int(row[3])
    limit = hard or soft
    return max(0, limit - used) * KIB if limit else None


def size(n_bytes: int) -> str:
    """Bytes in the unit that a person would take."""
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    power = min(4, (len(str(n_bytes)) - 1) // 3)
    return f"{n_bytes / 1000**power:.1f} {UNITS[power]}"


def _medians(artifacts: set[str], wanted: Sequence[Request], listing: Listing) -> dict[str, int]:
    """Artifact -> bytes of the median record among the first that are there."""
    found: dict[str, list[int]] = defaultdict(list)
    for request in wanted:
        sizes = found[request.artifact] if request.artifact in artifacts else []
        if request.artifact in artifacts and len(sizes) < SAMPLE and listing.holds(request.record):
            sizes += _recorded_bytes(Path(request.record))
    return {artifact: int(median(sizes)) for artifact, sizes in found.items() if sizes}


def _recorded_bytes(path: Path) -> list[int]:
    """The bytes of an artifact and of what lies beside it; none where the record is damaged."""
    try:
        record = read_json(path)
        return [int(record["bytes"]) + sum(int(file["bytes"]) for file in record.get("also", {}).values())]
    except (OSError, Refused, KeyError, TypeError, ValueError):
        return []


def _checkpoint_bytes(plan: Plan, checkpoint: str) -> int:
    return sum(_size(file) for file in checkpoint_files(plan.rows[checkpoint]))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _mount(folder: Path) -> Path:
    place = folder.resolve()
    while not place.is_mount():
        place = place.parent
    return place

"""Names of checkpoints as the sheet takes them, each once."""

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

from assay.sheet import RESERVED

MOST = 100
_CUT = 90


def unique_names(wanted: Sequence[tuple[str, Path]], taken: Collection[str]) -> list[str]:
    """A name for each (name of the run, path of the checkpoint); equal ones get the parts of the paths that differ."""
    bases = [cleaned(name) for name, _ in wanted]
    places: dict[str, list[int]] = defaultdict(list)
    for place, base in enumerate(bases):
        places[base.casefold()].append(place)
    for same in places.values():
        parts = [wanted[place][1].with_suffix("").parts for place in same]
        holding = Counter(part for own in parts for part in set(own))
        for place, own in zip(same, parts, strict=True):
            differing = [part for part in own if holding[part] < len(same)]
            bases[place] = cleaned("_".join([bases[place], *differing]))
    used = {name.casefold() for name in (*taken, *RESERVED)}
    return [_numbered(base, used) for base in bases]


def cleaned(text: str) -> str:
    """A text as a name: letters, digits, '.', '_' and '-', the first a letter or digit, no two dots in a row."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "_", plain)).strip("._-")
    if not re.search("[A-Za-z]", name):  # a number, or what is left of another script
        name = f"checkpoint_{name}".rstrip("_")
    if len(name) <= _CUT:
        return name
    return (
        f"{name[: _CUT - 9].rstrip('._-')}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}"
    )


def _numbered(base: str, used: set[str]) -> str:
    name, n = base, 1
    while name.casefold() in used:
        n += 1
        name = f"{base}_{n}"
    used.add(name.casefold())
    return name

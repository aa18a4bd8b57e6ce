"""The limited process that reads headers: a path a line in, a header or a refusal a line out, as JSON."""

import json
import math
import os
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assay.discover.headers import header
from assay.errors import Refused

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def main(cpu_seconds: int, memory_bytes: int) -> None:
    """Answer until stdin ends; a file that needs more than the limits is refused, or ends this process."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _limit(resource.RLIMIT_AS, _held_bytes() + memory_bytes)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        _limit(resource.RLIMIT_CPU, math.ceil(_used_seconds()) + cpu_seconds)
        print(json.dumps(_answer(os.fsdecode(bytes.fromhex(line)))), file=answers, flush=True)


def _answer(path: str) -> dict[str, Any]:
    try:
        return asdict(header(Path(path)))
    except Refused as refusal:
        return {"refused": str(refusal)}
    except FileNotFoundError:
        return {"refused": "it is gone, or changed its name while folders were read"}
    except OSError as error:
        return {"refused": f"it cannot be read ({error.strerror})"}
    except MemoryError:
        return {"refused": "its header needs more memory than a header may"}
    except Exception as error:  # one file never ends the reading of the others
        return {"refused": f"its header cannot be read ({type(error).__name__})"}


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (allowed, hard))


def _held_bytes() -> int:
    """The address space of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * PAGE_BYTES


def _used_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

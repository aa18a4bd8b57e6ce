"""A fork server of small commands, run as a process: fork_server.py SOCKET IDLE_SECONDS [WITNESS...]."""

import os
import signal
import sys
import time
from pathlib import Path

from assay.cluster.forkserver import ForkServer
from assay.cluster.preloaded import Preloaded, stamp
from assay.cluster.wire import inherited


def run(argv: list[str]) -> int:
    command, *arguments = argv[1:]
    return COMMANDS[command](*arguments)


def tell(*names: str) -> int:
    told = {
        "cwd": Path.cwd(),
        "umask": oct(os.umask(0)),
        "deaf": signal.getsignal(signal.SIGTERM) is signal.SIG_IGN,
        "word": os.environ.get("WORD"),
        "threads": sys.modules["torch"].get_num_threads(),
        "descriptors": sorted(os.listdir("/proc/self/fd")),  # noqa: PTH208
    }
    print(*(told[name] for name in names))
    print("aside", file=sys.stderr)
    return 0


def end(code: str) -> int:
    return int(code)


def fail() -> int:
    raise RuntimeError("this job fails")


def wait(started: str, ended: str) -> int:
    """Write `started`, and `ended` after a while, or 7 as the code of one that was told to stop."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
    Path(started).write_text(str(os.getpid()))
    time.sleep(20)
    Path(ended).touch()
    return 0


COMMANDS = {"tell": tell, "end": end, "fail": fail, "wait": wait}


if __name__ == "__main__":
    import torch  # noqa: F401

    where, idle_seconds, *witnesses = sys.argv[1:]
    loaded = Preloaded({path: stamp(path) for path in witnesses}, inherited(), n_threads=2)
    ForkServer(Path(where), run, idle_seconds=float(idle_seconds), preloaded=loaded).serve(
        ready=lambda: print("ready", flush=True)
    )

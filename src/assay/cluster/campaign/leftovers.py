"""The processes of a campaign on this host that outlived their pilots, or will not end by themselves."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from assay.cluster.campaign.folder import END, Campaign, CampaignFolder
from assay.store.owner import Owner

KILLED_SECONDS = 5.0  # for all of them to be gone
POLL_SECONDS = 0.1


def kill(folder: CampaignFolder, campaign: Campaign) -> None:
    """Kill what is left of a campaign of this host, but for this process.

    That is every process in the session of one of its pilots, or of its end, that runs the campaign's own code. A
    session alone says nothing: the numbers of those that are gone are used again.
    """
    sessions = set(_sessions(folder, campaign)) if campaign.executor == "local" else set()
    _kill(folder, partial(_processes_of, sessions))


def kill_all(folder: CampaignFolder) -> None:
    """Kill every process of this host that runs the code of a campaign that is just being sent: nobody else does."""
    _kill(folder, _processes)


def runs_its_code(folder: CampaignFolder, process: int) -> bool:
    """Whether the code that a campaign copied leads the PYTHONPATH of a process."""
    try:
        environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:  # it ended, or is another user's
        return False
    code = os.fsencode(folder.code.absolute())
    return any(word.partition(b":")[0] == b"PYTHONPATH=" + code for word in environment)


def _kill(folder: CampaignFolder, candidates: Callable[[], Iterator[int]]) -> None:
    """Kill the campaign's among the candidates until there are none."""
    ends = time.monotonic() + KILLED_SECONDS
    while sum(_killed(folder, process) for process in candidates()) and time.monotonic() < ends:
        time.sleep(POLL_SECONDS)


def _killed(folder: CampaignFolder, process: int) -> bool:
    """Whether a process was there, and the campaign's; none that takes its number meanwhile is killed."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return False
    try:
        if not runs_its_code(folder, process):
            return False
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        return True
    finally:
        os.close(handle)


def _sessions(folder: CampaignFolder, campaign: Campaign) -> Iterator[int]:
    signed = [
        *(folder.running(array.name, n) for array in campaign.arrays for n in range(array.n_pilots)),
        folder.running(END, 0),
    ]
    here = Owner.here("")
    for owner in filter(None, map(Owner.read, signed)):
        if (owner.host, owner.boot, owner.namespace) == (here.host, here.boot, here.namespace):
            yield owner.pid


def _processes_of(sessions: set[int]) -> Iterator[int]:
    for process in _processes():
        with suppress(ProcessLookupError):
            if os.getsid(process) in sessions:
                yield process


def _processes() -> Iterator[int]:
    """All of this host but this one."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            yield int(entry.name)

"""One campaign at a time: the lock in a results folder, and whether the campaign that it names still lives."""

import getpass
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.cluster.campaign import queue
from assay.cluster.campaign.folder import FOLDER, Campaign, CampaignFolder
from assay.errors import AssayError, Refused
from assay.files import json_bytes, read_json, write_new
from assay.store.owner import Owner


@dataclass(frozen=True, slots=True)
class Holder:
    """The campaign that a lock names, and who sent it."""

    campaign: str
    user: str
    sender: Owner

    def __str__(self) -> str:
        return f"campaign {self.campaign} of {self.user}, sent by {self.sender}"


def take(results: str, campaign: str) -> str:
    """Lock the results for a campaign; returns what was said of a dead campaign whose lock fell, or nothing.

    Raises:
        AssayError: a campaign that lives holds it.
    """
    path = _path(results)
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f".lock.{secrets.token_hex(6)}")
    content = json_bytes(asdict(Holder(campaign, getpass.getuser(), Owner.here(campaign))))
    write_new(own, lambda file: file.write(content))
    try:
        return _linked(own, path, results)
    finally:
        own.unlink()


def holder(results: str) -> Holder | None:
    """Who holds the lock, alive or dead; None where nobody does."""
    try:
        content = read_json(_path(results))
        return Holder(**{**content, "sender": Owner(**content["sender"])})
    except FileNotFoundError:
        return None
    except (Refused, KeyError, TypeError) as damage:
        raise AssayError(
            f"{_path(results)} is no lock of a campaign: {damage}. Where none runs, delete it."
        ) from None


def may_live(results: str, held: Holder) -> bool:
    """Whether a campaign is being sent, or has jobs that wait or run; what is not known counts as alive."""
    folder = CampaignFolder(Path(results, FOLDER, held.campaign))
    try:
        campaign = folder.read()
    except FileNotFoundError:
        return held.sender.may_run()
    sending = not campaign.end.job and held.sender.may_run()
    return sending or lives(folder, campaign)


def lives(folder: CampaignFolder, campaign: Campaign) -> bool:
    """Whether a pilot waits or runs, or what closes the campaign; see `has_pilots`."""
    if campaign.executor == "local":
        return has_pilots(folder, campaign) or _any_runs_here(folder, [campaign.end.job])
    return _may_be_queued(folder, campaign.job_names)


def has_pilots(folder: CampaignFolder, campaign: Campaign) -> bool:
    """Whether a pilot waits or runs; a Slurm that does not answer, and another host, count as yes."""
    if campaign.executor == "local":
        here = _any_runs_here(folder, [array.job for array in campaign.arrays])
        return here or any(
            _may_run(folder, one.name, n) for one in campaign.arrays for n in range(one.n_pilots)
        )
    return _may_be_queued(folder, [campaign.job_name(array.name) for array in campaign.arrays])


def runs_here(folder: CampaignFolder, process: int) -> bool:
    """Whether a process of this host works for this campaign: numbers are used again, command lines tell."""
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(os.fsencode(folder.path.name) in word.split(b"/") for word in words)


def release(results: str, campaign: str) -> bool:
    """Remove the lock where it names this campaign; whether it did.

    Raises:
        AssayError: it cannot be removed.
    """
    held = holder(results)
    if held is None or held.campaign != campaign:
        return False
    try:
        return _removed(_path(results), held)
    except OSError as error:
        why = f"{error.strerror}, so that the lock of campaign {campaign} stays"
        raise AssayError(f"{_path(results)}: {why}. The campaign is over: delete the file.") from error


def _any_runs_here(folder: CampaignFolder, jobs: Sequence[str]) -> bool:
    return any(runs_here(folder, int(process)) for job in jobs for process in job.split(",") if process)


def _may_be_queued(folder: CampaignFolder, names: Sequence[str]) -> bool:
    """Whether such jobs wait or run; those of another user Slurm may hide (PrivateData)."""
    return not folder.is_mine or queue.is_queued(names)


def _may_run(folder: CampaignFolder, array: str, pilot: int) -> bool:
    """Whether a pilot was started, has not ended, and may run, here or elsewhere."""
    owner = Owner.read(folder.running(array, pilot))
    return owner is not None and not folder.ended(array, pilot).exists() and owner.may_run()


def _path(results: str) -> Path:
    return Path(results, FOLDER, "lock")


def _linked(own: Path, path: Path, results: str) -> str:
    """Put `own` in the place of the lock, which one process only can."""
    fallen = ""
    while True:
        try:
            os.link(own, path)
        except FileExistsError:
            held = holder(results)
            if held and may_live(results, held):
                raise AssayError(
                    f"{path}: {held} is not over. Wait for it, or stop it: assay campaign cancel {held.campaign}."
                    " Where you know that it is dead, delete this file."
                ) from None
            if held and _removed(path, held):
                fallen = f"{held} is dead; its lock is taken over."
        else:
            return fallen


def _removed(path: Path, held: Holder) -> bool:
    """Remove a lock, unless it is another one by now: moved aside first, so that what is removed was looked at."""
    aside = path.with_name(f".lock.{secrets.token_hex(6)}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    mine = read_json(aside)["sender"] == asdict(held.sender)
    if not mine:
        with suppress(FileExistsError):
            os.link(aside, path)
    aside.unlink()
    return mine

"""A campaign from its start: the lock, then its folder, then its jobs; all of it or nothing."""

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from assay.cluster.campaign import leftovers, lock, queue, snapshot
from assay.cluster.campaign.arrays import Pilots, array_of
from assay.cluster.campaign.folder import END, FOLDER, Asked, Campaign, CampaignFolder, Executor
from assay.cluster.commands import last_line
from assay.cluster.preflight.asks import Ask
from assay.config import Plan
from assay.errors import AssayError
from assay.files import publish_bytes


def send(
    plan: Plan, pilots: Sequence[Pilots], end: Ask, asked: Asked, *, executor: Executor
) -> tuple[CampaignFolder, str]:
    """Send the pilots, and the end after them.

    Returns the campaign's folder, and what is to be said of a dead campaign before it.

    Raises:
        ConfigError: there is no Snakefile.
        AssayError: another campaign lives, the results cannot be written, the plan has changed meanwhile, or Slurm
            refused an array.
    """
    sources = snapshot.Sources.of(asked.snakefile)
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    folder = CampaignFolder(Path(plan.results, FOLDER, name))
    arrays = [each.array for each in pilots]
    campaign = Campaign(name, time.time(), executor, plan.config, "", arrays, array_of(END, end), asked)
    try:
        said = lock.take(plan.results, name)
        with _undone_where_it_fails(plan.results, folder):
            _send(folder, campaign, plan, pilots, sources)
    except OSError as error:
        raise AssayError(f"{folder.path}: {_reason(error)}. Nothing was sent.") from error
    return folder, said


def _reason(error: OSError) -> str:
    """Of a folder that could not be copied that of its first file, which shutil has as text alone."""
    return str(error.args[0][0][-1]) if isinstance(error, shutil.Error) else str(error.strerror)


def _send(
    folder: CampaignFolder,
    campaign: Campaign,
    plan: Plan,
    pilots: Sequence[Pilots],
    sources: snapshot.Sources,
) -> None:
    for name in ("shares", "logs", "running", "ended"):
        (folder.path / name).mkdir(parents=True)
    for each in pilots:
        for pilot in range(each.array.n_pilots):
            content = "".join(f"{target}\n" for target in each.targets(pilot))
            publish_bytes(folder.share(each.array.name, pilot), content.encode())
    folder.write(replace(campaign, code=snapshot.take(folder, campaign.config, sources)))
    snapshot.check(folder, plan)
    if campaign.executor == "local":
        _submit_here(folder)
        return
    from assay.cluster.campaign.submission import submit

    submit(folder)


def _submit_here(folder: CampaignFolder) -> None:
    """Start the pilots on this machine, in a session of their own: the terminal's end and Ctrl-C are not theirs."""
    path = os.pathsep.join(filter(None, [str(folder.code.absolute()), os.environ.get("PYTHONPATH")]))
    log = folder.path / "logs" / "submission.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "assay.cluster.campaign.submission", str(folder.path)],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        code = process.wait()
    except BaseException:  # Ctrl-C, which is told to us alone; what it started is ended by who sends
        process.kill()
        process.wait()
        raise
    if code:
        raise AssayError(f"no pilot was started: {last_line(log.read_text())}")


@contextmanager
def _undone_where_it_fails(results: str, folder: CampaignFolder) -> Iterator[None]:
    """Cancel what was sent, and leave nothing of a campaign that did not start."""
    try:
        yield
    except BaseException:
        with suppress(AssayError, OSError):
            campaign = folder.read()
            if campaign.executor == "slurm":
                queue.cancel(campaign.job_names)
        leftovers.kill_all(folder)
        shutil.rmtree(folder.path, ignore_errors=True)
        lock.release(results, folder.path.name)
        raise

"""A pilot: makes its share of a campaign by Snakemakes of its own, as long as its job lasts.

python -m assay.cluster.campaign.pilot FOLDER ARRAY PILOT, in the folder in which the campaign was started.
"""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from assay.cluster.campaign.children import end, hear, served, started, told_to_end
from assay.cluster.campaign.clock import Clock, clock
from assay.cluster.campaign.command import environment_of, snakemake
from assay.cluster.campaign.folder import INPUTS, Array, CampaignFolder
from assay.cluster.campaign.inapplicable import inapplicable
from assay.cluster.campaign.progress import Mark, Share, furthered
from assay.cluster.campaign.reasons import died
from assay.cluster.campaign.site import Site, site_of
from assay.files import publish_bytes
from assay.provenance.adoption import batches

FAILED, MADE_NOTHING, ENDED = 1, 3, 128 + signal.SIGTERM  # exit codes
POLL_SECONDS = 0.5
AGAIN_SECONDS = 10.0  # until a Snakemake is asked to stop again: it heeds nobody before it has planned


@dataclass(frozen=True, slots=True)
class Pilot:
    """One run of a pilot."""

    folder: CampaignFolder
    array: Array
    share: Share
    site: Site
    clock: Clock

    def run(self) -> int:
        """Make what is left of the share. The exit code: 0 made, 1 something failed, 3 nothing can be made.

        A pilot whose time is up has itself started again, which does not return.
        """
        before = self.share.mark()
        if not self.share.left():
            return 0
        if why := self.site.why_not(self._is_cancelled):
            _say(why)
            return FAILED
        self._make()
        if self._is_cancelled():
            return ENDED
        if self.share.left() and self._has_to_stop():
            return self._again(before)
        return self._code()

    def _make(self) -> None:
        """One Snakemake after the other, each for as many targets as a command line holds; what failed comes last."""
        with served(environment_of(self.folder), self._has_to_stop) as environment:
            for targets in chain.from_iterable(map(batches, self.share.turns())):
                self._make_all(targets, environment)
                if self._has_to_stop():
                    return

    def _make_all(self, targets: Sequence[str], environment: Mapping[str, str]) -> None:
        """Where Snakemake is killed, by a lack of memory say, and has got on, it is started again."""
        while targets and not self._has_to_stop():
            before = self.share.mark()
            code = self._watched(started(snakemake(self.folder, self.array, targets), environment))
            if code >= 0 or self._has_to_stop() or not furthered(before, self.share.mark()):
                return
            _say(f"Snakemake was killed by signal {-code}; it is started again")
            left = set(self.share.left())
            targets = [target for target in targets if target in left]

    def _watched(self, process: subprocess.Popen[bytes]) -> int:
        """The exit code of a Snakemake, which is asked to stop when there is no time for new jobs."""
        asked = -math.inf
        try:
            while process.poll() is None and not self._gives_up():
                if self._has_to_stop() and time.monotonic() - asked > AGAIN_SECONDS:
                    process.terminate()
                    asked = time.monotonic()
                time.sleep(POLL_SECONDS)
        finally:
            end(process)  # what it leaves behind, too
        return process.wait()

    def _again(self, before: Mark) -> int:
        if told_to_end():
            self.site.await_the_end(lambda: time.monotonic() > self.clock.leaves or self._is_cancelled())
        elif not furthered(before, self.share.mark()):
            _say("nothing was made in the whole time limit, so that more of it would not help: see --minutes")
            return MADE_NOTHING
        if not self._is_cancelled():
            _say("there is more to make: starting again")
            _say(self.site.requeue())
        return ENDED

    def _code(self) -> int:
        left = self.share.left()
        without = inapplicable(self.folder, left)
        left = [target for target in left if target not in without]
        if not left:
            return 0
        _say(f"{len(left)} of {len(self.share.targets)} targets were not made, {left[0]} for one")
        if self.array.name == INPUTS and self._are_refused(left):
            return 0  # so that the others go on: who needs these fails by itself
        return FAILED if self.share.made() else MADE_NOTHING

    def _are_refused(self, left: Sequence[str]) -> bool:
        """Whether these are checkpoints that were looked at and not taken in; says whose job was killed."""
        if any(target.startswith(f"{self.share.layout.results}/data/") for target in left):
            return False
        failed = self.share.failed()
        untold = [target for target in left if target not in failed]
        killed = died(self.share, untold)
        for target in killed:
            _say(f"{target}: its job was killed, by a lack of memory say; this counts as a refusal")
        return killed == untold

    def _has_to_stop(self) -> bool:
        return told_to_end() or time.monotonic() > self.clock.stops or self._is_cancelled()

    def _gives_up(self) -> bool:
        return time.monotonic() > self.clock.leaves or self._is_cancelled()

    def _is_cancelled(self) -> bool:
        return self.folder.cancelled.exists()


def main(path: str, array: str, number: int) -> int:
    """Run a pilot; what it and its children say goes to its log."""
    hear()
    folder = CampaignFolder(Path(path))
    _log_to(folder.log(array, number))
    site = site_of(folder, array)
    asked = next(one for one in folder.read().arrays if one.name == array)
    pilot = Pilot(folder, asked, Share.read(folder, array, number), site, clock(site.seconds_left()))
    code = pilot.run()
    publish_bytes(folder.ended(array, number), f"{code}\n".encode())
    _say(f"ended with exit code {code}")
    return code


def _log_to(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} pilot: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

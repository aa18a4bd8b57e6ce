"""What a job of a campaign runs first: it becomes the pilot, on the code that the campaign copied."""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from assay.cluster.campaign.folder import END, GPU, CampaignFolder
from assay.cluster.campaign.gpus import VARIABLE
from assay.store.owner import Owner

IGNORED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)


def launch(folder: str, array: str, pilot: int) -> NoReturn:
    """Replace this process by a pilot, or by what closes the campaign.

    The signals of preemption and of submitit's clock are ignored before it begins, and stay so: a pilot has a clock
    of its own. Replaced, and not begun as a child, its exit code is the job's whatever becomes of this process.
    """
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    place = CampaignFolder(Path(folder))
    if os.environ.get("SUBMITIT_EXECUTOR") == "local":
        os.setsid()  # so that it can be ended with all that it starts
        if array == GPU:
            os.environ[VARIABLE] = _device(place, array, pilot)  # submitit gives the first one to all
    said = place.running(array, pilot)
    said.unlink(missing_ok=True)
    Owner.here(array).write(said)
    code, inherited = str(place.code.absolute()), os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [code, *(path for path in inherited if path not in ("", code))]
    )
    module = "ending" if array == END else "pilot"
    os.execv(
        sys.executable,
        [
            sys.executable,
            "-m",
            f"assay.cluster.campaign.{module}",
            folder,
            *([] if array == END else [array, str(pilot)]),
        ],
    )


def _device(place: CampaignFolder, array: str, pilot: int) -> str:
    (devices,) = (one.devices for one in place.read().arrays if one.name == array)
    return devices.split(",")[pilot]

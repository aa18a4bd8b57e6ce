"""A real Snakemake whose target another process is making leaves that one its result."""

import subprocess
import sys
import time
from pathlib import Path

HOLDER = """
import shutil, sys, time
from pathlib import Path
from assay.store.stage import owned

target, record, content = Path("results/small/cka.json"), Path("results/small/records/cka.json"), sys.argv[1]
with owned(target) as stage:
    Path("held").touch()
    while not Path("go").exists():
        time.sleep(0.05)
    shutil.copy(f"{content}/cka.json", stage.path(target))
    shutil.copy(f"{content}/records/cka.json", stage.path(record))
    stage.publish(target, record)
"""


def waited_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.05)


def test_a_job_whose_target_another_process_makes_waits_and_takes_it_and_snakemake_deletes_nothing(made):
    log = made.folder / "logs/small/cka.log"
    kept = made.folder / "kept"
    (kept / "records").mkdir(parents=True)
    for name in ("cka.json", "records/cka.json"):
        (kept / name).write_bytes((made.folder / "results/small" / name).read_bytes())
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(kept)], cwd=made.folder)
    waited_for(made.folder / "held")
    log.unlink()
    code = (
        "import sys; from lab import Lab; from pathlib import Path; run = Lab(Path(sys.argv[1])).snakemake("
    )
    code += "'--forcerun', 'cka', '--', 'results/small/cka.json'); print(run.text); sys.exit(run.code)"
    running = subprocess.Popen(
        [sys.executable, "-c", code, str(made.folder)], cwd=Path(__file__).parents[1], stdout=subprocess.PIPE
    )
    while not log.exists() or "waiting for its owner" not in log.read_text():
        assert running.poll() is None
        time.sleep(0.05)
    (made.folder / "go").touch()
    said = running.communicate()[0]
    assert running.returncode == 0, said
    assert holder.wait() == 0
    for name in ("cka.json", "records/cka.json"):
        assert (made.folder / "results/small" / name).read_bytes() == (kept / name).read_bytes()
    assert not list((made.folder / "results/small").glob("*.owner"))
    assert made.planned() == {}


def test_a_job_that_outlived_its_snakemake_cannot_overwrite_what_was_taken_over(made):
    kept = made.folder / "kept"
    (kept / "records").mkdir(parents=True)
    for name in ("cka.json", "records/cka.json"):
        (kept / name).write_text("late")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(kept)], cwd=made.folder, stderr=subprocess.PIPE, text=True
    )
    waited_for(made.folder / "held")
    refused = made.assay("make", "small", "cka", "--force")
    assert refused.code == 1
    assert f"process {holder.pid} on " in refused.err
    assert made.assay("make", "small", "cka", "--force", "--take-over").code == 0
    (made.folder / "go").touch()
    assert "taken over" in holder.communicate()[1]
    assert made.assay("list", "--check").code == 0
    assert made.assay("verify").code in (0, 3)

"""The third job that feeds others: what training left around a checkpoint is read. Imports no torch."""

from functools import partial
from pathlib import Path

from assay import seen
from assay.config import Plan
from assay.discover.training import read_training
from assay.files import publish_json, sha256_bytes, sha256_file, write_new
from assay.layout import Layout
from assay.plan import TRAINING_FORMAT
from assay.store.records import failure_recorded
from assay.store.stage import Stage, made_once
from assay.tokens import training_joined, training_token
from assay.told import say
from assay.training_files import training_files, training_watched


def take_in_training(plan: Plan, checkpoint: str, token: str) -> None:
    """Read what training left around a checkpoint, which may be nothing; a file that cannot be read is left out."""
    plan.row(checkpoint)
    target = Path(Layout(plan.results).training(checkpoint))
    made_once(
        target,
        partial(_take_in, plan, checkpoint, token),
        last=target,
        made=lambda: target.exists() and training_token(plan, checkpoint) == token,
    )


def _take_in(plan: Plan, checkpoint: str, token: str, stage: Stage) -> None:
    path, layout = Path(plan.row(checkpoint).path), Layout(plan.results)
    published = [Path(file(checkpoint)) for file in (layout.run, layout.training)]
    run, target = map(stage.path, published)
    with failure_recorded(Path(layout.failed(checkpoint, "training")), stage):
        seen.begin(layout.training(checkpoint))
        stat, files = seen.stat_of(training_watched(path)) or [], training_files(path)
        with seen.unchanged(list(files.values())):
            contents = {name: sha256_file(file) for name, file in files.items()}
            found = read_training(files)
        said = publish_json(run, found, write=write_new)
        fingerprint = {
            "format": TRAINING_FORMAT,
            "sha256": training_joined(contents),
            "token": token,
            "sources": {str(files[name]): sha256 for name, sha256 in contents.items()},
            "files": {"run.json": {"sha256": sha256_bytes(said), "bytes": len(said)}},
        }
        publish_json(target, fingerprint, write=write_new)
        stage.publish(*published)
        seen.finish(layout.training(checkpoint), token=token, sha256=training_joined(contents), stat=stat)
    say([f"{file} is left out: {why}" for file, why in found["left_out"].items()])

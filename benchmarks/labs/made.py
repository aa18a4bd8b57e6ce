"""A lab of many checkpoints whose results look made: records, fingerprints and tiny files, in seconds.

Every second checkpoint is a `vit`, the others are `cnn`; each has nine artifacts, three of them of a distribution that
is written beside the sheet, as a third party adds rows to the table. All have the first checkpoint as their teacher.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay import plan as planning
from assay import tokens
from assay.catalog import SCHEMA
from assay.config import Plan, read_plan
from assay.files import json_bytes, sha256_bytes
from assay.layout import Layout, seen
from assay.plan import INTAKE_FORMAT, TRAINING_FORMAT, Request
from assay.seen import stat_of
from assay.store.records import Record
from assay.training_files import training_watched

CONFIG = """checkpoints: config/checkpoints.tsv
data:
  digits: {source: images, path: runs/digits.npz}
  scans: {source: images, path: runs/scans.npz}
figures: false
"""
FAMILIES = ("vit", "cnn")
OURS = "embeddings,cka,landscape,evaluation,record,gradcam"
ARTIFACTS = {"vit": f"{OURS},attention_maps,spectra,probes", "cnn": f"{OURS},spectra,probes,neighbours"}
THIRD_PARTY = """from assay.catalog import Artifact, Option

def row(name):
    options = {"n": Option(8, "samples")}
    return Artifact("scale_rows", f"{name}.json", frozenset({"embed"}), options=options, on_request=True)

spectra, probes, neighbours = map(row, ("spectra", "probes", "neighbours"))
"""
VERSIONS = {"python": "3", "assay": "0", "torch": "2"}
SHA256 = sha256_bytes(b"x")
DIGEST = {"sha256": SHA256, "bytes": 1}
Files = Iterator[tuple[str, bytes]]


def write_sheet(folder: Path, n: int) -> None:
    """A config, a sheet of `n` checkpoints, their files and raw data, and a distribution of three artifacts."""
    for name in ("config", "runs", "scale_rows-1.dist-info"):
        (folder / name).mkdir(parents=True)
    for name in ("digits", "scans"):
        (folder / f"runs/{name}.npz").write_bytes(b"x")
    rows = ["checkpoint\tfamily\tpath\tdata\tteacher\tartifacts"]
    for i in range(n):
        family, run = FAMILIES[i % 2], folder / f"runs/m{i}"
        run.mkdir()
        (run / "last.pt").write_bytes(b"x")
        teacher = "m0" if i else ""
        rows.append(
            f"m{i}\t{family}\truns/m{i}/last.pt\t{('digits', 'scans')[i % 2]}\t{teacher}\t{ARTIFACTS[family]}"
        )
    (folder / "config/checkpoints.tsv").write_text("\n".join(rows) + "\n")
    (folder / "config/config.yaml").write_text(CONFIG)
    (folder / "scale_rows.py").write_text(THIRD_PARTY)
    points = "".join(f"{name} = scale_rows:{name}\n" for name in ("spectra", "probes", "neighbours"))
    (folder / "scale_rows-1.dist-info/METADATA").write_text("Name: scale_rows\nVersion: 1\n")
    (folder / "scale_rows-1.dist-info/entry_points.txt").write_text(f"[assay.artifacts]\n{points}")


def make_all(config: str = "config/config.yaml") -> None:
    """Write what jobs would have left, in the working folder, for everything that the plan of a config wants."""
    plan = read_plan(config)
    wishes = planning.requests(plan)
    contents: dict[str, bytes] = {}
    for name in plan.data:
        contents |= _written(_data_files(plan, name))
    for name in plan.rows:
        contents |= _written(_intake_files(plan, name))
        contents |= _written(_training_files(plan, name))
    shas = {path: sha256_bytes(content) for path, content in contents.items() if path.endswith(".json")}
    for wish in wishes:
        _written(_artifact_files(wish, shas))


def _written(files: Files) -> dict[str, bytes]:
    """The small files of `files`, now on disk; the folders of a file are made where they lack."""
    contents = dict(files)
    for path, content in contents.items():
        try:
            Path(path).write_bytes(content)
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True)
            Path(path).write_bytes(content)
    return contents


def _data_files(plan: Plan, name: str) -> Files:
    data, layout = plan.data[name], Layout(plan.results)
    files = tokens.source_files(data)
    sha256 = tokens.source_sha256(data)
    yield from ((layout.split(name, split), b"x") for split in data.splits)
    yield (
        layout.data(name),
        json_bytes(
            {
                "schema": SCHEMA,
                "source": data.source,
                "options": data.deciding,
                "code": tokens.data_code(data.source),
                "sha256": sha256,
                "token": "new",
                "sources": {str(file): SHA256 for file in files},
                "splits": dict.fromkeys(data.splits, DIGEST),
                "lacks": {},
            }
        ),
    )
    yield _memory(layout.data(name), sha256, files)


def _intake_files(plan: Plan, name: str) -> Files:
    row, layout = plan.rows[name], Layout(plan.results)
    files = tokens.checkpoint_files(row)
    yield layout.weights(name), b"x"
    yield layout.hparams(name), b"x"
    yield (
        layout.intake(name),
        json_bytes(
            {
                "format": INTAKE_FORMAT,
                "family": row.family,
                "code": tokens.family_code(row.family),
                "sha256": SHA256,
                "beside": {},
                "sources_sha256": SHA256,
                "bytes": 1,
                "hparams": dict(row.hparams),
                "token": "new",
                "files": {"weights.safetensors": DIGEST, "hparams.json": DIGEST},
                "holds": {"checkpoint": name},
                "lacks": {},
            }
        ),
    )
    yield _memory(layout.intake(name), SHA256, files)


def _training_files(plan: Plan, name: str) -> Files:
    row, layout = plan.rows[name], Layout(plan.results)
    sha256 = tokens.training_sha256(row)
    yield layout.run(name), b"x"
    yield (
        layout.training(name),
        json_bytes(
            {
                "format": TRAINING_FORMAT,
                "sha256": sha256,
                "token": "new",
                "sources": {},
                "files": {"run.json": DIGEST},
            }
        ),
    )
    yield _memory(layout.training(name), sha256, training_watched(Path(row.path)))


def _artifact_files(wish: Request, shas: Mapping[str, str]) -> Files:
    results = wish.layout.results
    yield from ((path, b"x") for path in (*wish.also, wish.target))
    record = Record(
        checkpoint=wish.row.checkpoint,
        artifact=wish.artifact,
        file=_below(results, wish.target),
        **DIGEST,
        also={_below(results, path): DIGEST for path in wish.also},
        arrays={},
        inputs={
            role: {"path": _below(results, path), "sha256": shas[path]}
            for role, path in wish.fingerprints.items()
        },
        options=wish.deciding,
        code=wish.code_digest,
        modules=wish.code,
        meta=wish.row.meta,
        device="cpu",
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        peak_mib=900,
        host="here",
        slurm_job="",
        versions=VERSIONS,
    )
    fields: dict[str, Any] = {name: getattr(record, name) for name in record.__slots__}
    yield wish.record, json_bytes({**fields, "action": record.action})


def _memory(target: str, sha256: str, files: list[Path]) -> tuple[str, bytes]:
    content = {"token": "new", "sha256": sha256, "attempts": 1, "stat": stat_of(files)}
    return str(seen(target)), json_bytes(content)


def _below(results: str, path: str) -> str:
    return path.removeprefix(f"{results}/")


if __name__ == "__main__":  # in a process of its own, whose table holds the distribution's rows
    sys.path.insert(0, "")
    make_all()

"""What rules ask for."""

import re

from cli.bench import new_bench
from contract.examples import save_images, save_vit


def test_a_preparation_asks_for_a_cpu_for_each_process_that_reads(tmp_path):
    bench = new_bench(tmp_path / "bench")
    save_images(bench.folder / "runs/val.npz")
    save_vit(bench.folder / "runs/small.ckpt")
    images = {"source": "images", "path": "runs/val.npz"}
    bench.configure(data={"can": images, "many": {**images, "num_workers": 3}})
    rows = ["checkpoint\tfamily\tpath\tdata", *(f"{d}_\tvit\truns/small.ckpt\t{d}" for d in ("can", "many"))]
    (bench.folder / "sheet.tsv").write_text("\n".join(rows))
    run = bench.snakemake("-n", cores=4)
    assert run.code == 0, run.text
    rules = {
        block.split(":")[0]: block for block in re.split(r"^(?:local)?rule ", run.text, flags=re.MULTILINE)
    }
    assert "threads: 3" in rules["data_many"]
    assert "threads" not in rules["data_can"]

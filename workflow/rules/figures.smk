# Figures. In: the file of an artifact, and nothing else. Out: a PNG and an SVG, which `snakemake --report` shows, and
# where its row says so a folder of pages, PNGs below the name of the picture, with a list of their sha256 beside it.
# `figures: false` in the config leaves them out of the plan.
from assay.workflow import enough

for artifact, row in catalog.artifacts().items():
    if not row.figure:
        continue

    png, svg, *listing = LAYOUT.figures("{checkpoint}", artifact)
    pages = {"pages": directory(png.removesuffix(".png")), "listing": listing} if row.pages else {}

    rule:
        name:
            f"figure_{artifact}"
        input:
            LAYOUT.target("{checkpoint}", artifact),
        output:
            **pages,
            png=report(
                png,
                caption=f"../report/{artifact if artifact in catalog.ARTIFACTS else 'figure'}.rst",
                category=artifact,
                labels={"checkpoint": "{checkpoint}"},
            ),
            svg=svg,
        log:
            f"logs/{{checkpoint}}/figure_{artifact}.log",
        resources:
            **enough(f"figure_{artifact}", runtime=10, mem_mb=2000),
        params:
            artifact=artifact,
            code=planning.figure_code(artifact),
        shell:
            "python -m assay draw {wildcards.checkpoint:q} {params.artifact:q} --config {CONFIG:q} > {log:q} 2>&1"

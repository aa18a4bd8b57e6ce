# The manifest. In: everything that the plan wants. Out: manifest.json, and beside it, undeclared, each checkpoint's
# analysis_manifest.json. A run that fails writes the partial manifest, which the next run repairs.
# LOST are the files that are gone since the manifest was written: Snakemake does not notice a deleted intermediate,
# so that `all` asks for them by name.
LOST = planning.lost(PLAN, WANTED)


rule manifest:
    input:
        [request.target for request in WANTED],
        [request.figures[0] for request in WANTED if PLAN.figures and request.figures],
    output:
        LAYOUT.manifest,
    log:
        "logs/manifest.log",
    localrule: True
    params:
        token=tokens.manifest_token(PLAN),
    shell:
        "python -m assay manifest --config {CONFIG:q} --token {params.token:q} > {log:q} 2>&1"


onerror:
    shell("python -m assay manifest --config {CONFIG:q} --partial > /dev/null")

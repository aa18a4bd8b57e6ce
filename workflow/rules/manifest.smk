# The manifest. In: the records of everything that the plan wants. Out: manifest.json, and one manifest a
# checkpoint. A run that fails writes the partial manifest, which the next run repairs.
TARGETS = [request.target for request in WANTED]
FINGERPRINTS = sorted({file for request in WANTED for file in request.fingerprints.values()})


rule manifest:
    input:
        TARGETS,
    output:
        checkpoints=[LAYOUT.checkpoint_manifest(checkpoint) for checkpoint in PLAN.rows],
        all_of_it=LAYOUT.manifest,
    log:
        "logs/manifest.log",
    params:
        token=planning.manifest_token(PLAN),
    localrule: True
    shell:
        "python -m assay manifest --config {CONFIG:q} --token {params.token:q} > {log:q} 2>&1"


onerror:
    shell("python -m assay manifest --config {CONFIG:q} --partial > /dev/null")

# The manifest. In: everything that the plan wants. Out: manifest.json, and beside it, undeclared, each checkpoint's
# analysis_manifest.json. A run that fails writes the partial manifest, which the next run repairs.
# GOALS.lost are the files that are gone since the manifest was written: Snakemake does not notice a deleted
# intermediate, so that `all` asks for them by name.
rule manifest:
    input:
        GOALS.bound,
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
    if "ASSAY_PILOT" not in os.environ:  # of a campaign, which writes one manifest at its end
        shell("python -m assay manifest --config {CONFIG:q} --partial > /dev/null")

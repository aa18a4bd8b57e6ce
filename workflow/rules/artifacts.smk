# Artifacts. In: fingerprints (intake.json, data.json), which Snakemake compares by content; the large files
# behind them are published with them. Out: the artifact, and its record, written last. The rule `cka` reads:
#
#   rule cka:
#       input:
#           checkpoint="results/{checkpoint}/intake.json",
#           teacher="results/{teacher of the checkpoint}/intake.json",
#           data="results/data/{data of the checkpoint}/data.json",
#       output:
#           file="results/{checkpoint}/cka.json",
#           record="results/{checkpoint}/records/cka.json",
#       params:
#           options={"batch_size": 256, "max_samples": 500, "seed": 42, "split": "val"},
#           code="1-<digest of artifacts/cka.py, families/gat.py and all they import>",
#       shell:
#           "python -m assay make {wildcards.checkpoint} cka --config ... --output {output.file} --only --blank"
from assay import catalog
from assay.workflow import artifact_code, artifact_inputs, artifact_options, artifact_outputs, resources_of

for artifact in catalog.artifacts():

    rule:
        name:
            artifact
        input:
            **artifact_inputs(PLAN, artifact),
        output:
            **artifact_outputs(PLAN, artifact),
        log:
            f"logs/{{checkpoint}}/{artifact}.log",
        resources:
            **resources_of(PLAN, artifact),
        params:
            options=artifact_options(PLAN, artifact),
            code=artifact_code(PLAN, artifact),
        shell:
            "python -m assay make {wildcards.checkpoint:q} {rule:q} --config {CONFIG:q} --output {output.file:q}"
            " --only --blank > {log:q} 2>&1"

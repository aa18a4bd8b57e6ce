# The border. In: a checkpoint file, as the sheet names it. Out: intake.json, weights, hyper-parameters.
from assay.workflow import checkpoint_source, enough


rule intake:
    input:
        source=checkpoint_source(PLAN),
    output:
        weights=LAYOUT.weights("{checkpoint}"),
        hparams=LAYOUT.hparams("{checkpoint}"),
        intake=LAYOUT.intake("{checkpoint}"),
    log:
        "logs/{checkpoint}/intake.log",
    resources:
        **enough("intake", runtime=10, mem_mb=4000),
    params:
        token=TOKENS.of_wildcards(),
        format=planning.INTAKE_FORMAT,
    shell:
        "python -m assay intake {wildcards.checkpoint:q} --config {CONFIG:q} --token {params.token:q} > {log:q} 2>&1"

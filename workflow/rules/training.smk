# What training left around a checkpoint. In: the checkpoint's place, and its file where a rule makes it. Out: run.json,
# what metrics, hyper-parameters and records in its run folder say, and training.json, their fingerprint.
from assay.workflow import checkpoint_source, enough


rule training:
    input:
        source=checkpoint_source(PLAN),
    output:
        run=LAYOUT.run("{checkpoint}"),
        training=LAYOUT.training("{checkpoint}"),
    log:
        "logs/{checkpoint}/training.log",
    resources:
        **enough("training", runtime=10, mem_mb=2000),
    params:
        token=TOKENS.of_training(),
        format=planning.TRAINING_FORMAT,
    shell:
        "python -m assay training {wildcards.checkpoint:q} --config {CONFIG:q} --token {params.token:q} > {log:q} 2>&1"

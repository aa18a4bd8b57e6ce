# Data sets. In: the raw files of one data set of the config. Out: data.json and one safetensors a split.
from assay.workflow import enough, raw_data, threads_of

for data in PLAN.data.values():

    rule:
        name:
            f"data_{data.name}"
        input:
            raw=raw_data(PLAN, data),
        output:
            splits=[LAYOUT.split(data.name, split) for split in data.splits],
            data=LAYOUT.data(data.name),
        log:
            f"logs/data/{data.name}.log",
        threads: threads_of(data)
        resources:
            **enough(f"data_{data.name}", runtime=60, mem_mb=8000),
        params:
            name=data.name,
            token=TOKENS.data(data.name),
            options=data.deciding,
            code=tokens.data_code(data.source),
        shell:
            "python -m assay prepare {params.name:q} --config {CONFIG:q} --token {params.token:q} > {log:q} 2>&1"

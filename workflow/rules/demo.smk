# The demo's data and checkpoints; nothing here runs unless a config asks for files below results/demo.
# In: message definitions that opendbc ships, and the prepared data set `can_demo`, made of this traffic.
# Out: three folders of synthetic CAN captures, a teacher, and a student distilled from it.
DEMO_DATA = f"{RESULTS}/data/can_demo"


rule demo_traffic:
    output:
        directory(f"{RESULTS}/demo/can/train_normal"),
        directory(f"{RESULTS}/demo/can/train_attacks"),
        directory(f"{RESULTS}/demo/can/test"),
    log:
        "logs/demo/traffic.log",
    resources:
        runtime=5,
        mem_mb=2000,
    params:
        folder=f"{RESULTS}/demo/can",
    shell:
        "python -m assay.demo traffic --output {params.folder:q} --seed 0 > {log:q} 2>&1"


rule demo_teacher:
    input:
        data=f"{DEMO_DATA}/data.json",
        split=f"{DEMO_DATA}/train.safetensors",
    output:
        f"{RESULTS}/demo/gat_teacher.ckpt",
    log:
        "logs/demo/gat_teacher.log",
    resources:
        runtime=10,
        mem_mb=2000,
    params:
        data=DEMO_DATA,
    shell:
        "python -m assay.demo train --data {params.data:q} --layers 3 --hidden 8 --heads 4"
        " --epochs 8 --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_student:
    input:
        data=f"{DEMO_DATA}/data.json",
        split=f"{DEMO_DATA}/train.safetensors",
        teacher=rules.demo_teacher.output,
    output:
        f"{RESULTS}/demo/gat_student.ckpt",
    log:
        "logs/demo/gat_student.log",
    resources:
        runtime=10,
        mem_mb=2000,
    params:
        data=DEMO_DATA,
    shell:
        "python -m assay.demo train --data {params.data:q} --layers 2 --hidden 4 --heads 4"
        " --epochs 12 --teacher {input.teacher:q} --output {output:q} --seed 0 > {log:q} 2>&1"

# The demo's data and checkpoints; nothing here runs unless a config asks for files below results/demo.
# In: message definitions that opendbc ships, and the prepared data set `can_demo`, made of this traffic.
# Out: three folders of synthetic CAN captures; three GATs, of which one is distilled from another; a VGAE and a DGI
# network, trained on benign graphs; two fusion policies, trained on what the VGAE and the third GAT say. And a
# simulated perturbation screen, with a GSNN that is told two thirds of its edges; scikit-learn's digits, with a
# vision transformer and a convolutional network; slices of a small MRI series that nibabel ships, labelled by the third
# of the stack that they lie in, with a vision transformer, trained on the prepared data set `mri`; and toy spectra, with
# an emulator and the record of its training.
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


rule demo_gat_v2:
    input:
        data=f"{DEMO_DATA}/data.json",
        split=f"{DEMO_DATA}/train.safetensors",
    output:
        f"{RESULTS}/demo/gat_v2.ckpt",
    log:
        "logs/demo/gat_v2.log",
    resources:
        runtime=10,
        mem_mb=2000,
    params:
        data=DEMO_DATA,
    shell:
        "python -m assay.demo train --data {params.data:q} --conv-type gatv2"
        " --layers 2 --hidden 8 --heads 4 --epochs 8"
        " --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_vgae:
    input:
        data=f"{DEMO_DATA}/data.json",
        train=f"{DEMO_DATA}/train.safetensors",
        val=f"{DEMO_DATA}/val.safetensors",
    output:
        f"{RESULTS}/demo/vgae.ckpt",
    log:
        "logs/demo/vgae.log",
    resources:
        runtime=10,
        mem_mb=2000,
    params:
        data=DEMO_DATA,
    shell:
        "python -m assay.demo train-vgae --data {params.data:q}"
        " --latent 16 --hidden 64 --epochs 20"
        " --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_dgi:
    input:
        data=f"{DEMO_DATA}/data.json",
        train=f"{DEMO_DATA}/train.safetensors",
        val=f"{DEMO_DATA}/val.safetensors",
    output:
        f"{RESULTS}/demo/dgi.ckpt",
    log:
        "logs/demo/dgi.log",
    resources:
        runtime=10,
        mem_mb=2000,
    params:
        data=DEMO_DATA,
    shell:
        "python -m assay.demo train-dgi --data {params.data:q}"
        " --latent 8 --hidden 32 --epochs 10"
        " --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_fusion_dqn:
    input:
        data=f"{DEMO_DATA}/data.json",
        split=f"{DEMO_DATA}/train.safetensors",
        vgae=rules.demo_vgae.output,
        gat=rules.demo_gat_v2.output,
    output:
        f"{RESULTS}/demo/fusion_dqn.ckpt",
    log:
        "logs/demo/fusion_dqn.log",
    resources:
        runtime=10,
        mem_mb=2000,
    params:
        data=DEMO_DATA,
    shell:
        "python -m assay.demo train-fusion --policy dqn --data {params.data:q}"
        " --vgae {input.vgae:q} --gat {input.gat:q} --hidden 32 --epochs 10"
        " --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_fusion_mlp:
    input:
        data=f"{DEMO_DATA}/data.json",
        split=f"{DEMO_DATA}/train.safetensors",
        vgae=rules.demo_vgae.output,
        gat=rules.demo_gat_v2.output,
    output:
        f"{RESULTS}/demo/fusion_mlp.ckpt",
    log:
        "logs/demo/fusion_mlp.log",
    resources:
        runtime=10,
        mem_mb=2000,
    params:
        data=DEMO_DATA,
    shell:
        "python -m assay.demo train-fusion --policy mlp --data {params.data:q}"
        " --vgae {input.vgae:q} --gat {input.gat:q} --hidden 32 --epochs 30"
        " --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_screen:
    output:
        train=f"{RESULTS}/demo/screen/train.npz",
        val=f"{RESULTS}/demo/screen/val.npz",
        known_edges=f"{RESULTS}/demo/screen/known_edges.npz",
    log:
        "logs/demo/screen.log",
    resources:
        runtime=5,
        mem_mb=2000,
    params:
        folder=f"{RESULTS}/demo/screen",
    shell:
        "python -m assay.demo screen --output {params.folder:q} --seed 0 > {log:q} 2>&1"


rule demo_gsnn:
    input:
        train=rules.demo_screen.output.train,
        known_edges=rules.demo_screen.output.known_edges,
    output:
        f"{RESULTS}/demo/gsnn.ckpt",
    log:
        "logs/demo/gsnn.log",
    resources:
        runtime=10,
        mem_mb=2000,
    params:
        screen=rules.demo_screen.params.folder,
    shell:
        "python -m assay.demo train-gsnn --screen {params.screen:q}"
        " --layers 3 --channels 4 --hidden 16 --epochs 15"
        " --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_digits:
    output:
        train=f"{RESULTS}/demo/digits/train.npz",
        val=f"{RESULTS}/demo/digits/val.npz",
    log:
        "logs/demo/digits.log",
    resources:
        runtime=5,
        mem_mb=2000,
    params:
        folder=f"{RESULTS}/demo/digits",
    shell:
        "python -m assay.demo digits --output {params.folder:q} --seed 0 > {log:q} 2>&1"


rule demo_vit:
    input:
        rules.demo_digits.output.train,
    output:
        f"{RESULTS}/demo/vit.ckpt",
    log:
        "logs/demo/vit.log",
    resources:
        runtime=10,
        mem_mb=2000,
    shell:
        "python -m assay.demo train-images --images {input:q}"
        " --family vit --layers 3 --width 32 --stride 2 --epochs 12"
        " --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_cnn:
    input:
        rules.demo_digits.output.train,
    output:
        f"{RESULTS}/demo/cnn.ckpt",
    log:
        "logs/demo/cnn.log",
    resources:
        runtime=10,
        mem_mb=2000,
    shell:
        "python -m assay.demo train-images --images {input:q}"
        " --family cnn --layers 3 --width 24 --stride 1 --epochs 10"
        " --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_mri:
    output:
        directory(f"{RESULTS}/demo/mri"),
    log:
        "logs/demo/mri.log",
    resources:
        runtime=5,
        mem_mb=2000,
    shell:
        "python -m assay.demo mri --output {output:q} > {log:q} 2>&1"


rule demo_vit_mri:
    input:
        data=f"{RESULTS}/data/mri/data.json",
        split=f"{RESULTS}/data/mri/train.safetensors",
    output:
        f"{RESULTS}/demo/vit_mri.ckpt",
    log:
        "logs/demo/vit_mri.log",
    resources:
        runtime=10,
        mem_mb=2000,
    shell:
        "python -m assay.demo train-images --images {input.split:q}"
        " --family vit --layers 2 --width 32 --stride 8 --epochs 40"
        " --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_spectra:
    output:
        f"{RESULTS}/demo/spectra.h5",
    log:
        "logs/demo/spectra.log",
    resources:
        runtime=5,
        mem_mb=2000,
    shell:
        "python -m assay.demo spectra --output {output:q} --seed 0 > {log:q} 2>&1"


rule demo_emulator:
    input:
        rules.demo_spectra.output,
    output:
        model=f"{RESULTS}/demo/emulator/model.pt",
        record=[
            f"{RESULTS}/demo/emulator/{name}"
            for name in ("configs.json", "results.json", "normalizers.npz", "provenance.json", "info.json")
        ],
    log:
        "logs/demo/emulator.log",
    resources:
        runtime=10,
        mem_mb=2000,
    params:
        folder=f"{RESULTS}/demo/emulator",
    shell:
        "python -m assay.demo train-emulator --spectra {input:q} --layers 2 --hidden 20 --epochs 40"
        " --output {params.folder:q} --seed 0 > {log:q} 2>&1"

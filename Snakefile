# Every (checkpoint, artifact) pair of the sheet becomes a file; the manifest binds them.
# Reads: config/config.yaml (or --configfile), the sheet it names. Writes: below its results folder, and logs/.
from snakemake.utils import min_version

min_version("9.20")


if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/intake.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/artifacts.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/manifest.smk"
include: "workflow/rules/demo.smk"


rule all:
    default_target: True
    input:
        LAYOUT.manifest,
        GOALS.lost,

# What every rule shares. Defines: PLAN, LAYOUT, RESULTS, GOALS (what the plan wants), TOKENS (see assay.seen) and
# CONFIG (the config file that jobs read).
# Imports nothing heavy and works out no targets: this file is parsed again inside every cluster job.
import os
import sys
from functools import partial
from pathlib import Path
from shlex import quote

from assay import plan as planning
from assay import tokens
from assay.cluster.executor import mend
from assay.cluster.grace import outlive_grace
from assay.config import read_plan
from assay.errors import ConfigError
from assay.layout import Layout
from assay.workflow import Goals, Tokens, effective_config

try:
    CONFIG = effective_config(config, workflow.overwrite_configfiles)
    PLAN = read_plan(CONFIG)
except ConfigError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)

LAYOUT = Layout(PLAN.results)
RESULTS = PLAN.results
GOALS = Goals(PLAN)
TOKENS = Tokens(PLAN, partial(print, file=sys.stderr) if workflow.is_main_process else None)

if workflow.is_main_process:
    mend()
elif "SLURM_JOB_ID" in os.environ:
    outlive_grace()

# The interpreter that runs Snakemake runs the jobs, whatever the shell's PATH says. A job whose target another
# process makes waits for it: were it to fail, Snakemake would delete what that one makes. A job of Slurm's does not
# heed the signals of a preemption: it would end as FAILED, and would not be requeued.
shell.prefix(
    'test ! -v SLURM_JOB_ID || trap "" TERM USR2; '
    f"export PATH={quote(str(Path(sys.executable).parent))}:$PATH ASSAY_WAIT=1; "
)


wildcard_constraints:
    checkpoint=r"(?!(data|demo)/)[A-Za-z0-9][A-Za-z0-9._-]*",

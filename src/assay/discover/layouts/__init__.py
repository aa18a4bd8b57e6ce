"""The layouts of run folders: each module says which folders are its runs, and reads one."""

from types import ModuleType

from assay.discover.layouts import hydra, lightning, mlflow, wandb

RUNS: tuple[ModuleType, ...] = (
    mlflow,
    wandb,
    hydra,
    lightning,
)  # asked in this order; `claims` and `read` of each

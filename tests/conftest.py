"""Shapes and types of every call inside assay are checked while the tests run, on one thread."""

import torch
from jaxtyping import install_import_hook

install_import_hook("assay", "beartype.beartype")
torch.set_num_threads(1)

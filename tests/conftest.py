"""Shapes and types of every call inside assay are checked while the tests run."""

from jaxtyping import install_import_hook

install_import_hook("assay", "beartype.beartype")

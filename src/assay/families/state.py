"""Strict loading of a state dict: everything the network expects, and nothing else."""

import warnings
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from assay.errors import Refused, ResultWarning

COMPILED = "_orig_mod."  # torch.compile leaves it anywhere in a name
LOSS = "loss_fn."  # a weighted loss keeps its class weights in the state dict


def load_state(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Gives a network built on the meta device the tensors of a checkpoint, those of float types as float32.

    Shapes are compared before anything is allocated. Names are cleaned: `_orig_mod.` is deleted wherever it
    stands, then names that begin with `loss_fn.` are dropped.

    Raises:
        Refused: two names that are one when cleaned; missing, unexpected or wrongly shaped tensors, or
            of another kind (a float type may be any); a value beyond float32. All of them are listed.
    """
    found = cleaned(tensors)
    expected = network.state_dict()
    problems = list(_problems(found, expected))
    if problems:
        lines = "\n  ".join(problems)
        raise Refused(f"the state dict does not fit its hyper-parameters:\n  {lines}")
    network.load_state_dict(_as_float32(found), strict=True, assign=True)


def cleaned(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by the names that `load_state` compares.

    Raises:
        Refused: two names that are one when cleaned.
    """
    cleaned: dict[str, Tensor] = {}
    sources: dict[str, list[str]] = {}
    for name, tensor in tensors.items():
        short = name.replace(COMPILED, "")
        if not short.startswith(LOSS):
            cleaned[short] = tensor
            sources.setdefault(short, []).append(ascii(name))
    collisions = [" and ".join(names) for names in sources.values() if len(names) > 1]
    if collisions:
        raise Refused(f"names in the state dict are one without {COMPILED!r}: {'; '.join(collisions)}")
    return cleaned


def _problems(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Iterator[str]:
    for name, tensor in expected.items():
        if name not in found:
            yield f"missing: {name} {list(tensor.shape)}"
    for name, tensor in found.items():
        if name not in expected:
            yield f"unexpected: {name!a} {list(tensor.shape)}"
        elif tensor.shape != expected[name].shape:
            yield f"wrong shape: {name} is {list(tensor.shape)}, expected {list(expected[name].shape)}"
        elif expected[name].is_floating_point() and not tensor.is_floating_point():
            yield f"wrong type: {name} is {tensor.dtype}, expected a float type"
        elif not expected[name].is_floating_point() and tensor.dtype != expected[name].dtype:
            yield f"wrong type: {name} is {tensor.dtype}, expected {expected[name].dtype}"


def _as_float32(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    others = {
        name: tensor
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and tensor.dtype != torch.float32
    }
    if not others:
        return dict(tensors)
    cast = {name: tensor.to(torch.float32) for name, tensor in others.items()}
    beyond = [name for name, tensor in cast.items() if not tensor.isfinite().all()]
    if beyond:
        raise Refused(f"not finite as float32: {', '.join(beyond)}")
    types = ", ".join(sorted({str(tensor.dtype) for tensor in others.values()}))
    warnings.warn(f"{len(others)} of {len(tensors)} tensors are {types}; cast to float32", ResultWarning, 2)
    return {**tensors, **cast}

"""The network of a checkpoint as the border keeps it: edges among the tensors, names and options as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from assay.errors import Refused
from assay.intake.plain import JSON, PlainValues
from assay.networks import EDGES, KINDS

KEYS = frozenset({"ctor", "edge_index_dict", "node_names_dict"})  # that a checkpoint may have
_NO_OPTIONS = ("edge_index_dict", "node_names_dict")  # arguments that are the network itself


@dataclass(frozen=True, slots=True)
class Network:
    """What is known of the network; all of it empty for a checkpoint of another kind."""

    edges: Mapping[str, Tensor] = field(default_factory=dict)  # by the names of `assay.networks`
    hparams: Mapping[str, JSON] = field(default_factory=dict)  # `ctor` and `node_names`


def stored_network(content: Mapping[Any, Any], values: PlainValues) -> Network:
    """The network of a checkpoint {state_dict, ctor, edge_index_dict, node_names_dict}; empty where it has none.

    Raises:
        Refused: one of these is no dict, or has another key than the kinds of nodes and edges.
    """
    hparams: dict[str, JSON] = {}
    if "ctor" in content:
        hparams["ctor"] = ctor(content["ctor"], values)
    if "node_names_dict" in content:
        hparams["node_names"] = _names(content["node_names_dict"], values)
    return Network(_edges(content.get("edge_index_dict", {})), hparams)


def ctor(given: Any, values: PlainValues) -> JSON:
    """The constructor's arguments but for the network; of edge weights, which are buffers, whether there are any.

    Raises:
        Refused: they are no dict.
    """
    if not isinstance(given, dict):
        raise Refused(f"ctor is a {type(given).__name__}, expected a dict of keyword arguments.")
    kept = {name: value for name, value in dict.items(given) if name not in _NO_OPTIONS}
    if "edge_weight_dict" in kept:
        kept["edge_weight_dict"] = kept["edge_weight_dict"] is not None
    return values.convert(kept, "ctor")


def _names(given: Any, values: PlainValues) -> JSON:
    if not isinstance(given, dict) or set(given) != set(KINDS):
        raise Refused(f"node_names_dict is {_keys(given)}, expected a dict of lists: {', '.join(KINDS)}.")
    return values.convert({kind: given[kind] for kind in KINDS}, "node_names_dict")


def _edges(given: Any) -> dict[str, Tensor]:
    if not isinstance(given, dict):
        raise Refused(f"edge_index_dict is a {type(given).__name__}, expected a dict of tensors.")
    edges = {}
    for key, tensor in dict.items(given):
        ends = (key[0], key[2]) if isinstance(key, tuple) and len(key) == 3 else None
        if ends not in EDGES:
            expected = ", ".join(f"('{start}', 'to', '{end}')" for start, end in EDGES)
            raise Refused(f"edge_index_dict has the key {str(key)[:80]!a}, expected {expected}.")
        if not isinstance(tensor, Tensor):
            raise Refused(f"edge_index_dict[{key}] is a {type(tensor).__name__}, expected a tensor.")
        edges[EDGES[ends]] = tensor
    return edges


def _keys(given: Any) -> str:
    if not isinstance(given, dict):
        return f"a {type(given).__name__}"
    return f"a dict of {', '.join(sorted(str(key)[:40] for key in given)[:12]) or 'nothing'}"

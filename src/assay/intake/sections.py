"""Where a checkpoint keeps its weights and hyper-parameters: Lightning's keys, or nothing but tensors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from assay.errors import Refused
from assay.intake.gate import STATES
from assay.intake.network import KEYS, stored_network
from assay.intake.plain import JSON, PlainValues

_SCALARS = bool | int | float | str
_READ = {"class_path", "hyper_parameters", "test_threshold"} | KEYS


@dataclass(frozen=True, slots=True)
class Sections:
    """A checkpoint file, sorted: its state dict and edges, what it says of its model, and the keys left out."""

    state: dict
    hparams: dict[str, JSON]
    left_out: list[str]


def sections(content: Any, values: PlainValues) -> Sections:
    """The parts of what torch.load gave: of a Lightning checkpoint, or of a plain dict of tensors.

    Raises:
        Refused: there is no state dict or more than one, class_path is no text, test_threshold no finite number,
            hyper_parameters no dict, a network is none that is known, or a value is one that `PlainValues` refuses.
    """
    if not isinstance(content, dict):
        raise Refused(f"it holds a {type(content).__name__}, expected a dict with state_dict, or of tensors.")
    content = dict(dict.items(content))  # never content.items(): a pickle can replace it
    if content and all(isinstance(value, Tensor) for value in content.values()):
        return Sections(content, {"class_path": None, "hyper_parameters": {}}, [])
    hparams: dict[str, JSON] = {
        "class_path": _class_path(content.get("class_path")),
        "hyper_parameters": _mapping(content.get("hyper_parameters", {}), values),
    }
    if "test_threshold" in content:
        hparams["test_threshold"] = _threshold(content["test_threshold"], values)
    key = _state_key(content)
    others = {name: value for name, value in content.items() if name not in _READ | {key}}
    scalars = {
        name: value for name, value in others.items() if isinstance(name, str) and isinstance(value, _SCALARS)
    }
    hparams |= {name: values.convert(value, name) for name, value in scalars.items()}
    network = stored_network(content, values)
    hparams |= network.hparams
    left_out = sorted(str(key) for key in others.keys() - scalars.keys())
    state = dict(dict.items(_state_dict(content, key)))  # never its own methods: a pickle can replace them
    return Sections({**state, **network.edges}, hparams, left_out)


def metadata_hparams(metadata: Mapping[str, str], values: PlainValues) -> dict[str, JSON]:
    """The same from the metadata of a .safetensors file, where `hyper_parameters` is JSON text.

    Raises:
        Refused: `hyper_parameters` is no JSON object.
    """
    try:
        hparams = json.loads(metadata.get("hyper_parameters", "{}"))
    except (ValueError, RecursionError):
        raise Refused(
            "hyper_parameters in the safetensors metadata is no JSON, expected an object."
        ) from None
    return {"class_path": metadata.get("class_path"), "hyper_parameters": _mapping(hparams, values)}


def _state_key(content: dict) -> str:
    """Where the state dict is; `state_dict` where there is none.

    Raises:
        Refused: two keys hold tensors.
    """
    holding = [key for key in STATES if _holds_tensors(content.get(key))]
    if "state_dict" not in content and len(holding) > 1:
        raise Refused(
            f"{' and '.join(holding)} both hold tensors, expected one state dict. Save the one that counts."
        )
    return holding[0] if holding else "state_dict"


def _holds_tensors(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(each, Tensor) for each in dict.values(value))


def _state_dict(content: dict, key: str) -> dict:
    state = content.get(key)
    if isinstance(state, dict):
        return state
    keys = ", ".join(sorted(str(key)[:40] for key in content)[:12]) or "nothing"
    got = f"state_dict of type {type(state).__name__}" if "state_dict" in content else f"the keys {keys}"
    raise Refused(
        f"no state_dict, got {got}, expected a Lightning checkpoint or a dict of named tensors. "
        "Save the weights with torch.save(model.state_dict(), path)."
    )


def _class_path(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise Refused(f"class_path is a {type(value).__name__}, expected text such as package.module.Class.")


def _mapping(value: Any, values: PlainValues) -> dict[str, JSON]:
    plain = values.convert(value, "hyper_parameters")
    if isinstance(plain, dict):
        return plain
    raise Refused(f"hyper_parameters is a {type(value).__name__}, expected a dict.")


def _threshold(value: Any, values: PlainValues) -> JSON:
    number = value.item() if isinstance(value, Tensor) and value.numel() == 1 else value
    plain = values.convert(number, "test_threshold")
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return float(plain)
    raise Refused(f"test_threshold is {str(plain)[:80]!r}, expected a finite number.")

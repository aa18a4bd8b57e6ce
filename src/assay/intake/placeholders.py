"""Stand-ins for hyper-parameter types: the name and the state are kept, the class is never imported."""

import sys
from collections.abc import Sequence
from typing import Any

from assay.errors import ConfigError

_BUILTINS = "bool bytes dict float int list str tuple"
_PATHS = "Path PosixPath PurePath PurePosixPath PureWindowsPath WindowsPath"
_TIMES = "date datetime time timedelta timezone"
_NODES = "AnyNode BooleanNode BytesNode EnumNode FloatNode IntegerNode PathNode StringNode"
_ACTIVATIONS = "CELU ELU GELU LeakyReLU Mish ReLU SELU SiLU Sigmoid Softplus Tanh"


def _names(module: str, names: str) -> set[str]:
    return {f"{module}.{name}" for name in names.split()}


TIER = frozenset(
    _names("argparse", "Namespace")
    | _names("builtins", _BUILTINS)
    | _names("collections", "defaultdict")
    | _names("datetime", _TIMES)
    | _names("numpy", "dtype")
    | _names("numpy.core.multiarray", "scalar")
    | _names("numpy._core.multiarray", "scalar")
    | _names("omegaconf.base", "ContainerMetadata Metadata")
    | _names("omegaconf.dictconfig", "DictConfig")
    | _names("omegaconf.listconfig", "ListConfig")
    | _names("omegaconf.nodes", _NODES)
    | _names("pathlib", _PATHS)
    | _names("torch.nn.modules.activation", _ACTIVATIONS)
    | _names("typing", "Any")
)
ON_REQUEST = frozenset(
    _names("builtins", "frozenset range slice")
    | _names("collections", "deque")
    | _names("decimal", "Decimal")
    | _names("fractions", "Fraction")
    | _names("numpy", "ndarray")
    | _names("numpy.core.multiarray", "_reconstruct")
    | _names("numpy._core.multiarray", "_reconstruct")
    | _names("types", "SimpleNamespace")
    | _names("uuid", "UUID")
)


class Placeholder:
    """What a pickle said about an object of a type that stays unknown here."""

    qualified_name = ""

    def __new__(cls, *args: Any) -> "Placeholder":
        """Keeps the arguments; runs nothing."""
        made = super().__new__(cls)
        made.args, made.state = args, None
        return made

    args: tuple
    state: Any

    def __setstate__(self, state: Any) -> None:
        """Keeps the state; runs nothing."""
        self.state = state


def placeholder_type(name: str) -> type[Placeholder]:
    """A class of its own for one qualified name, as torch tells allowed globals apart by identity."""
    return type("Placeholder", (Placeholder,), {"qualified_name": name})


def inert_names(listed: Sequence[str]) -> frozenset[str]:
    """The names that become placeholders: the well-known tier and those that the user lists.

    Raises:
        ConfigError: a listed name is no inert type, such as a function or anything of os, torch or functools.
    """
    wrong = [name for name in listed if not may_be_inert(name)]
    if wrong:
        raise ConfigError(
            f"intake.placeholders has {', '.join(map(repr, wrong))}, expected hyper-parameter classes by their "
            "qualified names, such as mylab.config.ModelConfig. A function is never kept; remove it from the list."
        )
    return TIER | frozenset(listed)


def may_be_inert(name: str) -> bool:
    """Whether a name may stand for a value: it is on our lists, or a third party's and capital, as classes are."""
    if name in TIER or name in ON_REQUEST:
        return True
    parts = name.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        return False
    foreign = parts[0] not in sys.stdlib_module_names and parts[0] not in {"torch", "__builtin__"}
    return foreign and parts[-1].lstrip("_")[:1].isupper()

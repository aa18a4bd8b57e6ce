"""What a checkpoint's pickle holds, read without torch: a tensor is its shape, a class its name."""

import io
import pickle
from collections.abc import Callable, Collection, Mapping
from typing import Any

from assay.errors import Refused
from assay.intake.opcodes import resolved
from assay.intake.placeholders import placeholder_type
from assay.intake.standins import STORAGES


class TensorOutline(dict):
    """A tensor, as hyper-parameters describe one."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__(tensor={"shape": list(shape)})
        self.shape = list(shape)


def outline(content: bytes, *, inert: Collection[str]) -> Any:
    """The values of a pickle that `rehearse` found harmless; nothing that it names is imported or called.

    Args:
        content: the pickle.
        inert: qualified names that become placeholders.

    Raises:
        Exception: what the pickle module raises where values are not what calls expect of them.
    """
    return _Outliner(content, inert).load()


class _Outliner(pickle.Unpickler):
    """Resolves every name to a stand-in of ours."""

    def __init__(self, content: bytes, inert: Collection[str]):
        super().__init__(io.BytesIO(content), fix_imports=False)
        self.inert = {name: placeholder_type(name) for name in inert}

    def find_class(self, module: str, name: str) -> Any:
        known = resolved(module, name)
        if known in self.inert:
            return self.inert[known]
        if known in _MADE:
            return _MADE[known]
        if known in STORAGES or known.startswith("torch."):  # a type of storages or a dtype, which is a value
            return known.removeprefix("torch.")
        raise Refused(f"data.pkl refers to {known}, which is not known here")

    def persistent_load(self, reference: Any) -> None:
        """A storage, which is left where it is."""


class _Items(dict):
    """An OrderedDict; what a pickle would set on it is not kept."""

    def __setstate__(self, state: Any) -> None:
        """Keeps nothing, so that no method is replaced."""


def _tensor(storage: None, offset: int, size: tuple[int, ...], *_: Any) -> TensorOutline:
    return TensorOutline(size)


_MADE: Mapping[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": lambda data, *_: data,
    "collections.OrderedDict": _Items,
    "collections.Counter": dict,
    "builtins.set": set,
    "builtins.complex": complex,
    "torch.Size": tuple,
    "torch.device": lambda *words: ":".join(map(str, words)),
    "_codecs.encode": lambda text, _: text.encode("latin1"),
}

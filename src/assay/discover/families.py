"""Which family a checkpoint is of, told from its class and from the names and shapes of its tensors.

A newcomer adds a row to `SIGNATURES`; a family without a row is known by its `class_paths` in the table alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay import catalog

Confidence = Literal["sure", "likely", "possible"]

_BEFORE = r"(?:.+\.)?"  # what wrappers put before a name


@dataclass(frozen=True, slots=True)
class Part:
    """What no tensor shows and a family needs: in the file, under all of `keys`, or in a file beside it."""

    name: str
    keys: tuple[str, ...]
    beside: tuple[str, ...]  # endings of the files, of which one is enough


@dataclass(frozen=True, slots=True)
class Signature:
    """What the tensors of a family's checkpoints are called.

    Attributes:
        names: patterns of whole names; each is that of some tensor.
        alone: every name matches one of the patterns, too.
        axes: pattern -> number of axes of the tensors whose names match.
        by_class: the family reads no checkpoint that does not name its class.
        hparams: hyper-parameters that no tensor shows, of which the family needs one.
        parts: what else it needs, all of them.
    """

    names: tuple[str, ...]
    alone: bool = False
    axes: tuple[tuple[str, int], ...] = ()
    by_class: bool = False
    hparams: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


SIGNATURES: Mapping[str, tuple[Signature, ...]] = {  # family -> its kinds of checkpoints
    "gat": (Signature((r"input_encoder\..*", r"convs\.0\..*", r"fc_layers?\..*"), by_class=True),),
    "vgae": (Signature((r"input_encoder\..*", r".*(?:z_mean|score_recon_mean).*"), by_class=True),),
    "dgi": (Signature((r"input_encoder\..*", r".*(?:discriminator|dgi).*"), by_class=True),),
    "fusion": (Signature((r".*(?:reward_calc\._vgae_weights|alpha_values)",), by_class=True),),
    "gsnn": (
        Signature(
            (r"function_edge_mask", r"ResBlocks\.0\..*"),
            parts=(
                Part("network", ("edge_index_dict", "node_names_dict"), (".network.npz", ".network.parquet")),
                Part("ctor", ("ctor",), (".ctor.json",)),
            ),
        ),
    ),
    "vit": (
        Signature(
            (_BEFORE + r"patch_embed(?:\.proj)?\.weight", _BEFORE + r"(?:blocks|layers?)\.0\..*qkv.*"),
            hparams=("num_heads", "num_attention_heads"),
        ),
        Signature(
            (
                _BEFORE + r"embeddings\.patch_embeddings\.projection\.weight",
                _BEFORE + r"layers?\.0\.attention\..*q(?:uery|_proj).*",
            ),
            hparams=("num_heads", "num_attention_heads"),
        ),
        Signature(
            (_BEFORE + r"conv_proj\.weight", _BEFORE + r"encoder_layer_0\.self_attention\.in_proj_weight"),
            hparams=("num_heads", "num_attention_heads"),
        ),
    ),
    "cnn": (
        Signature((_BEFORE + r"conv1\.weight", _BEFORE + r"layer1\.0\.conv1\.weight")),
        Signature(
            (_BEFORE + r"embedder\.embedder\.convolution\.weight", _BEFORE + r"stages\.0\.layers\.0\..*")
        ),
        Signature(
            (_BEFORE + r"f\.\d+\.(?:weight|bias|running_\w+|num_batches_tracked)", r"(?:.*\.)?h\.\w+"),
            alone=True,
            axes=((_BEFORE + r"f\.0\.weight", 4),),
            hparams=("stride",),
        ),
    ),
    "mlp": (
        Signature((_BEFORE + r"network\.\d+\.(?:weight|bias)",), alone=True, axes=((r".*\.weight", 2),)),
        Signature(
            (_BEFORE + r"fc\d+\.(?:weight|bias)", _BEFORE + r"out\.(?:weight|bias)"),
            alone=True,
            axes=((r".*\.weight", 2),),
        ),
    ),
}
WISHES: Mapping[str, tuple[str, ...]] = {
    "mlp": ("activation", "output_names"),
    "vit": ("image_mean", "image_std"),
    "cnn": ("image_mean", "image_std"),
}  # taken where a run says them; not needed


@dataclass(frozen=True, slots=True)
class Guess:
    """A family, or none, and why."""

    family: str
    confidence: Confidence
    because: str
    lacks: tuple[str, ...] = ()  # hyper-parameters of which the family needs one
    takes: tuple[str, ...] = ()  # hyper-parameters that the row may add
    parts: tuple[Part, ...] = ()  # that the file does not hold, so that files beside it must


def family_of(header: Mapping[str, Any], config: Mapping[str, Any]) -> Guess:
    """The family of a checkpoint by its header; what its run says only makes the guess surer.

    The class is compared, never imported.
    """
    own = _own_class(header)
    if known := _of_class(own):
        return _with_hparams(known, "sure", f"its class is {own}", header)
    if own.startswith("transformers."):
        return _none(f"no family reads the class {own}")
    shapes = header["tensors"]
    fitting = {
        family: signature
        for family, kinds in SIGNATURES.items()
        for signature in kinds
        if family in catalog.families() and _fits(signature, shapes)
    }
    open_ = [family for family, signature in fitting.items() if not signature.by_class]
    if len(open_) == 1:
        said = _says(header, config, open_[0])
        because = f"its tensors are named as those of {open_[0]}" + (f", and {said}" if said else "")
        return _with_hparams(open_[0], "likely" if said else "possible", because, header)
    if open_:
        return _none(f"its tensors could be those of {' or '.join(open_)}")
    if fitting:
        classes = ", ".join(catalog.families()[next(iter(fitting))].class_paths)
        return _none(
            f"looks like {' or '.join(fitting)}, whose checkpoints name their class as class_path: {classes}"
        )
    return _none(f"no family has tensors named {', '.join(sorted(shapes)[:3]) or '(none)'}")


def _own_class(header: Mapping[str, Any]) -> str:
    return str(header["class_path"] or "")


def _of_class(class_path: str) -> str:
    return next((name for name, row in catalog.families().items() if class_path in row.class_paths), "")


def _with_hparams(family: str, confidence: Confidence, because: str, header: Mapping[str, Any]) -> Guess:
    """The guess, with what the family needs to know beyond the tensors."""
    said = header["hyper_parameters"]
    kinds = [kind for kind in SIGNATURES.get(family, ()) if _fits(kind, header["tensors"])]
    needed = kinds[0].hparams if kinds else ()
    lacks = () if any(said.get(name) is not None for name in needed) else needed
    wishes = tuple(name for name in WISHES.get(family, ()) if said.get(name) is None)
    parts = tuple(part for part in (kinds[0].parts if kinds else ()) if not {*part.keys} <= {*header["keys"]})
    return Guess(family, confidence, because, lacks, (*lacks, *wishes), parts)


def _none(because: str) -> Guess:
    return Guess("", "possible", because)


def _fits(signature: Signature, shapes: Mapping[str, Sequence[int]]) -> bool:
    patterns = [re.compile(pattern) for pattern in signature.names]
    matched = [[name for name in shapes if pattern.fullmatch(name)] for pattern in patterns]
    if not shapes or not all(matched):
        return False
    if signature.alone and {name for names in matched for name in names} != set(shapes):
        return False
    return all(
        len(shape) == n
        for rule, n in signature.axes
        for name, shape in shapes.items()
        if re.fullmatch(rule, name)
    )


def _says(header: Mapping[str, Any], config: Mapping[str, Any], family: str) -> str:
    """Where hyper-parameters or the run's config name the family or a class of it; empty where they do not."""
    classes = {path.rpartition(".")[2].lower() for path in catalog.families()[family].class_paths}
    for source in (header["hyper_parameters"], config):
        for key, value in source.items():
            names_model = re.search(
                r"(?:^|[._])(?:model|arch|family|class|target|net|backbone|encoder)", str(key).lower()
            )
            if names_model and isinstance(value, str):
                last = value.rpartition(".")[2].lower()
                if last in classes or re.match(rf"{re.escape(family)}(?![a-z])", last):
                    return f"{key} is {value}"
    return ""

"""Images of one split, prepared to the input of a model, and their draws and batches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64, Shaped

from assay.data.collated import decoded_text, tally, text_bytes
from assay.data.draws import DrawnSamples, SplitData
from assay.data.image_frame import unit_range
from assay.errors import Refused
from assay.protocols import ImageBatch

KINDS = {"x": ("uint8", "float32"), "y": ("int64",), "record_id": ("uint8",), "class_names": ("uint8",)}
AXES = {"x": (3, 4), "y": (1,), "record_id": (2,), "class_names": (2,)}


@dataclass(frozen=True, slots=True)
class Images:
    """One split, a row a sample: 8-bit images as uint8, all else as float32."""

    x: Shaped[np.ndarray, "n channels *space"]
    y: Int64[np.ndarray, " n"]  # -1 where the class is not known
    record_id: Shaped[np.ndarray, " n"]  # text
    class_names: Shaped[np.ndarray, " classes"]  # text; the same of all splits

    @property
    def attack_type(self) -> None:
        """None."""
        return

    @property
    def time(self) -> None:
        """None."""
        return

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], where: str) -> "Images":
        """The images that `arrays()` gave, checked.

        Raises:
            Refused: an array is missing, unknown, or of another type or length; the text begins with `where`.
        """
        if lacks := {"x", "y", "record_id"} - arrays.keys():
            raise Refused(f"{where}: lacks {', '.join(sorted(lacks))}, so that it holds no images.")
        for name, array in arrays.items():
            sound = array.dtype in KINDS.get(name, ()) and array.ndim in AXES[name]
            if not sound or (name != "class_names" and len(array) != len(arrays["y"])):
                raise Refused(f"{where}: {name} is {array.dtype} {list(array.shape)}, no array of images.")
        names = decoded_text(arrays["class_names"], where) if "class_names" in arrays else np.array([], "U1")
        return cls(arrays["x"], arrays["y"], decoded_text(arrays["record_id"], where), names)

    def arrays(self) -> dict[str, np.ndarray]:
        """`x`, `y`, and `record_id` and `class_names` as zero-padded UTF-8; without classes no names."""
        known = {"x": self.x, "y": self.y, "record_id": text_bytes(self.record_id)}
        return known | ({"class_names": text_bytes(self.class_names)} if len(self.class_names) else {})

    def counts(self) -> dict[str, Any]:
        """How much there is of what, as JSON."""
        return {"n_samples": len(self), "labels": tally(self.y)}

    def __len__(self) -> int:
        return len(self.y)

    def select(self, index: Int64[np.ndarray, " n"]) -> "Images":
        """The images at `index`, in its order."""
        return Images(self.x[index], self.y[index], self.record_id[index], self.class_names)

    def batch(self, device: str) -> ImageBatch:
        """All images as tensors of their own memory, 8 bits as 0 to 1."""
        # divided here, not on the device: a GPU multiplies by 1/255, which rounds otherwise
        x = torch.tensor(unit_range(self.x), device=device)
        return ImageBatch(x, torch.tensor(self.y, device=device))


@dataclass(frozen=True, slots=True)
class DrawnImages(DrawnSamples):
    """Images drawn from one split; answers `assay.protocols.ImageSamples`."""

    class_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageSplits(SplitData):
    """One prepared data set of images."""

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> DrawnImages:
        """See `SplitData.draw`."""
        drawn = SplitData.draw(self, split, max_samples=max_samples, seed=seed)
        whole: Any = drawn.whole
        held = {field.name: getattr(drawn, field.name) for field in fields(drawn)}
        return DrawnImages(**held, class_names=tuple(whole.class_names.tolist()))


def open_data(
    name: str,
    load: Callable[[str], Mapping[str, np.ndarray]],
    *,
    splits: Sequence[str],
    attack_names: Mapping[int, str],
    device: str,
) -> ImageSplits:
    """The data set `name`, the arrays of whose split s are `load(s)`, with batches on `device`."""

    def images(split: str) -> Images:
        return Images.from_arrays(load(split), f"data {name}, split {split}")

    return ImageSplits(name, images, tuple(splits), attack_names, device)

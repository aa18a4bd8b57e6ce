"""The class maps of a network, and of the same network with random weights from the head on, in parts that are kept."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from assay.artifacts.class_maps import ClassMaps, class_maps
from assay.artifacts.image_records import ImageRecords
from assay.artifacts.record_rows import packed, unpacked
from assay.protocols import Explains, Parts


class Cascade:
    """A subject at stage 0, then with 1, 2, ... groups of layers random; one random network is held at a time.

    Source: Adebayo et al. 2018, arXiv:1810.03292: cascading randomisation.
    """

    def __init__(
        self, subject: Explains, records: ImageRecords, *, layer: str, method: str, batch_size: int, seed: int
    ):
        self._trained, self._records, self._layer, self._method = subject, records, layer, method
        self._batch_size, self._seed = batch_size, seed
        self._n_batches = records.n_batches(batch_size)
        self._stage, self._subject = 0, subject

    def class_numbers(self, wanted: Sequence[int | None]) -> Int64[Tensor, "records classes"]:
        """The wanted classes of each record, in place of None the predicted one."""
        numbers = torch.tensor([-1 if number is None else number for number in wanted])
        if None not in wanted:
            return numbers.repeat(len(self._records), 1)
        predicted = torch.cat([self._predicted(batch) for batch in range(self._n_batches)])
        return numbers.where(numbers >= 0, predicted[:, None])

    def maps(
        self, classes: Int64[Tensor, "records classes"], parts: Parts, *, grid: tuple[int, ...]
    ) -> list[ClassMaps]:
        """The maps of all records at every stage, on the CPU; a part is a batch at a stage."""
        n_stages = 1 + self._trained.n_stages

        def part(i: int) -> Float32[np.ndarray, " m"]:
            stage, batch = divmod(i, self._n_batches)
            maps = self._class_maps(stage, batch, classes)
            return packed([maps.raw, maps.reached, maps.logits])

        n, n_classes = classes.shape
        shapes = [(n_classes, *grid), (n_classes,), (-1,)]
        gathered = np.concatenate(parts.gather(n_stages * self._n_batches, part))
        stages = [unpacked(rows, n, shapes) for rows in np.split(gathered, n_stages)]
        return [ClassMaps(logits, raw, reached > 0) for raw, reached, logits in stages]

    def _class_maps(self, stage: int, batch: int, classes: Int64[Tensor, "records classes"]) -> ClassMaps:
        if stage != self._stage:
            self._stage, self._subject = stage, self._trained.randomised(stage, seed=self._seed)
        images = self._records.batch(batch, self._batch_size)
        with torch.no_grad():
            cut = self._subject.cut(images, layer=self._layer)
        own = classes.split(self._batch_size)[batch].to(images.x.device)
        return class_maps(cut, own, method=self._method)

    def _predicted(self, batch: int) -> Int64[Tensor, " n"]:
        with torch.no_grad():
            cut = self._trained.cut(self._records.batch(batch, self._batch_size), layer=self._layer)
            return cut.tail(cut.activation.clone()).argmax(1).cpu()

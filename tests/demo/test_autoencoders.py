import numpy as np
import pytest
import torch
from demo.rings import graphs

from assay.demo.autoencoders import LEAST, benign, calibration, high_threshold


def test_benign_graphs_are_those_with_label_0():
    split = graphs()
    kept = benign(split)
    assert not kept.y.any()
    assert len(kept) == (split.y == 0).sum()


@pytest.mark.parametrize(("n_benign", "split"), [(LEAST, "val"), (LEAST - 1, "train")])
def test_scores_are_measured_on_validation_graphs_where_they_are_enough(n_benign, split):
    val = graphs()
    val = val.select(np.full(n_benign, np.argmin(val.y)))
    assert not val.y.any()
    chosen = calibration(train=graphs(), val=val)
    assert chosen.split == split
    assert len(chosen.graphs) == (n_benign if split == "val" else (graphs().y == 0).sum())


def test_one_benign_score_in_a_hundred_lies_above_the_threshold():
    scores = torch.randperm(1000, generator=torch.Generator().manual_seed(0)).float()
    assert (scores > high_threshold(scores)).sum() == 10

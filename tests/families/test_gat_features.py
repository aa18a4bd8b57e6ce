"""What a GAT tells a fusion policy."""

import math

import numpy as np
import pytest
import torch
from families.graphs import REFERENCE

from assay.families.gat.features import fusion_features

TOLERANCE = {"rtol": 0, "atol": 1e-5}


def test_the_features_are_the_published_ones():
    published = {name: torch.from_numpy(array) for name, array in np.load(REFERENCE / "forward.npz").items()}
    found = fusion_features(published["gat_student_logits"], published["gat_student_emb"])
    assert list(found) == ["conf", "emb_stats", "probs"]
    for name, value in found.items():
        torch.testing.assert_close(value, published[f"gat_student_feat_{name}"], **TOLERANCE)


@pytest.mark.parametrize(("margin", "conf"), [(0.0, 0.0), (100.0, 1.0), (-100.0, 1.0)])
def test_certainty_is_0_for_a_toss_and_1_without_doubt(margin, conf):
    found = fusion_features(torch.tensor([[0.0, margin]]), torch.zeros(1, 2))["conf"]
    assert float(found) == pytest.approx(conf, abs=1e-6)


def test_certainty_is_1_less_the_entropy_in_bits_and_never_outside_0_to_1():
    p = 1 / (1 + math.exp(-1))
    bits = -p * math.log2(p) - (1 - p) * math.log2(1 - p)
    assert float(fusion_features(torch.tensor([[0.0, 1.0]]), torch.zeros(1, 2))["conf"]) == pytest.approx(
        1 - bits
    )
    many = fusion_features(torch.zeros(1, 5), torch.zeros(1, 2))["conf"]
    assert float(many) == 0

"""What a GAT says of a graph to a fusion policy."""

import math
from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor

from assay.families.row_statistics import row_statistics


def fusion_features(
    logits: Float[Tensor, "graphs classes"], embedding: Float[Tensor, "graphs d"]
) -> Mapping[str, Float[Tensor, "graphs width"]]:
    """`conf`, `emb_stats` and `probs` of each graph, in the published order.

    The certainty `conf` is 1 less the entropy of the two probabilities in units of ln 2, at least 0; `emb_stats` are
    mean, standard deviation, maximum and minimum over the embedding.
    """
    probs = logits.softmax(1)
    entropy = -(probs * (probs + 1e-8).log()).sum(1, keepdim=True)
    return {
        "conf": (1 - entropy / math.log(2)).clamp(0, 1),
        "emb_stats": row_statistics(embedding),
        "probs": probs,
    }

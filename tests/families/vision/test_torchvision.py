"""A vision transformer with torchvision's modules, written here of torch's own, gives the same logits."""

from collections import OrderedDict

import pytest
import torch
from families.vision.examples import batch, hparams
from torch import Tensor, nn

from assay.errors import Refused
from assay.families import vit

WIDTH, HEADS, CLASSES = 16, 4, 3


class EncoderBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.mlp = nn.Sequential(
            nn.Linear(WIDTH, 24), nn.GELU(), nn.Dropout(0.1), nn.Linear(24, WIDTH), nn.Dropout(0.1)
        )

    def forward(self, x: Tensor) -> Tensor:
        normed = self.ln_1(x)
        x = x + self.self_attention(normed, normed, normed)[0]
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    def __init__(self, depth: int, n_tokens: int):
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.zeros(1, n_tokens, WIDTH))
        self.layers = nn.Sequential(OrderedDict((f"encoder_layer_{i}", EncoderBlock()) for i in range(depth)))
        self.ln = nn.LayerNorm(WIDTH, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return self.ln(self.layers(x + self.pos_embedding))


class VisionTransformer(nn.Module):
    def __init__(self, *, depth: int = 2):
        super().__init__()
        self.class_token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.conv_proj = nn.Conv2d(3, WIDTH, 8, 8)
        self.encoder = Encoder(depth, 1 + 4 * 3)
        self.heads = nn.Sequential(OrderedDict(head=nn.Linear(WIDTH, CLASSES)))

    def forward(self, x: Tensor) -> Tensor:
        patches = self.conv_proj(x).flatten(2).mT
        tokens = torch.cat([self.class_token.expand(len(x), -1, -1), patches], 1)
        return self.heads(self.encoder(tokens)[:, 0])


@pytest.fixture
def network() -> VisionTransformer:
    """Random throughout, biases and tokens too; of more than ten blocks, whose order is not that of their names."""
    network, draw = VisionTransformer(depth=11).eval(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=draw))
    return network


def test_its_logits_are_those_of_the_network(network):
    x = batch(3, (3, 32, 24))
    with torch.no_grad():
        expected = network(x.x)
    found = vit.load(network.state_dict(), hparams(num_heads=HEADS)).predict(x)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_its_last_tokens_without_a_head_are_its_embedding(network):
    x = batch(3, (3, 32, 24))
    state = {name: tensor for name, tensor in network.state_dict().items() if "heads." not in name}
    network.heads = nn.Identity()
    with torch.no_grad():
        expected = network(x.x)
    torch.testing.assert_close(
        vit.load(state, hparams(num_heads=HEADS)).embed(x), expected, atol=1e-5, rtol=1e-5
    )


def test_a_tensor_that_it_does_not_have_is_refused_by_its_name(network):
    state = {**network.state_dict(), "heads.pre_logits.weight": torch.zeros(WIDTH, WIDTH)}
    with pytest.raises(Refused, match=r"unexpected: 'heads\.pre_logits\.weight' \[16, 16\]"):
        vit.load(state, hparams(num_heads=HEADS))

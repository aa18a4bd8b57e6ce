"""One call for every published layer, and what follows it: a norm over each graph, ReLU, or nothing."""

import tempfile

import pytest
import torch
from families.checkpoints import random_tensor
from families.graphs import one_node, random_graph, together, without_edges
from families.layer_oracle import layer as layer_of_the_equations
from torch_geometric.nn import GATConv, GATv2Conv, GPSConv, GraphNorm, TransformerConv

from assay.families.convolutions import (
    CONV_TYPES,
    attention_step,
    convolution,
    convolution_step,
    reads_edge_features,
)

WIDTH, HEADS, FEATURES, EDGE_FEATURES = 3, 2, 5, 3
ROUNDING = {"rtol": 2e-4, "atol": 2e-5}
CONVOLUTIONS = pytest.mark.parametrize("conv_type", CONV_TYPES)
WITHOUT_GPS = pytest.mark.parametrize("conv_type", [name for name in CONV_TYPES if name != "gps"])


def random_layer(conv_type: str, *, width_in: int = FEATURES, seed: int = 0):
    layer, draw = convolution(conv_type, width_in, WIDTH, HEADS, EDGE_FEATURES), torch.Generator()
    draw.manual_seed(seed)
    state = {name: random_tensor(name, tensor, draw) for name, tensor in layer.state_dict().items()}
    layer.load_state_dict(state)
    return layer.eval().requires_grad_(False)


def random_batch():
    return together(
        [random_graph(0), without_edges(random_graph(1)), one_node(random_graph(2)), random_graph(3)]
    )


@CONVOLUTIONS
def test_only_layers_that_say_so_read_the_features_of_edges(conv_type):
    layer, graph = random_layer(conv_type), random_graph(1)
    out = layer(graph.x, graph.edge_index, graph.edge_attr, graph.graph)
    other = layer(graph.x, graph.edge_index, graph.edge_attr + 1, graph.graph)
    assert out.shape == (len(graph.x), WIDTH * HEADS)
    assert torch.equal(out, other) != reads_edge_features(conv_type)


@CONVOLUTIONS
def test_a_layer_leaves_nothing_in_the_temporary_folder(conv_type, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    random_layer(conv_type)
    assert not list(tmp_path.iterdir())


@WITHOUT_GPS
def test_layers_are_those_of_torch_geometric(conv_type):
    ours, graph = random_layer(conv_type), random_graph(2)
    theirs = {
        "gat": lambda: GATConv(FEATURES, WIDTH, heads=HEADS),
        "gatv2": lambda: GATv2Conv(FEATURES, WIDTH, heads=HEADS, edge_dim=EDGE_FEATURES),
        "transformer": lambda: TransformerConv(FEATURES, WIDTH, heads=HEADS, edge_dim=EDGE_FEATURES),
    }[conv_type]()
    theirs.load_state_dict(ours.state_dict())
    edge_attr = graph.edge_attr if reads_edge_features(conv_type) else None
    expected = theirs(graph.x, graph.edge_index, edge_attr)
    assert torch.equal(ours(graph.x, graph.edge_index, graph.edge_attr, graph.graph), expected)


def test_a_gps_layer_is_that_of_torch_geometric_over_averaged_wide_heads():
    width = WIDTH * HEADS
    ours, batch = random_layer("gps", width_in=width), random_batch()
    along_edges = GATv2Conv(width, width, heads=HEADS, concat=False, edge_dim=EDGE_FEATURES)
    theirs = GPSConv(width, along_edges, heads=HEADS, dropout=0.1).eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(len(batch.x), width, generator=torch.Generator().manual_seed(0))
    expected = theirs(x, batch.edge_index, batch.graph, edge_attr=batch.edge_attr)
    torch.testing.assert_close(ours(x, batch.edge_index, batch.edge_attr, batch.graph), expected)


def test_without_graphs_a_gps_layer_takes_all_nodes_for_one():
    layer, batch = random_layer("gps"), random_batch()
    state = {name: tensor.double() for name, tensor in layer.state_dict().items()}
    expected = layer_of_the_equations(state, batch.x.double(), batch, conv_type="gps", heads=HEADS)
    out = layer(batch.x, batch.edge_index, batch.edge_attr, None)
    torch.testing.assert_close(out.double(), expected, **ROUNDING)
    apart = layer(batch.x, batch.edge_index, batch.edge_attr, batch.graph)
    assert (out - apart).abs().max() > 1e-3


@WITHOUT_GPS
def test_a_step_is_the_layer_its_norm_over_each_graph_and_relu(conv_type):
    layer, batch, norm = random_layer(conv_type), random_batch(), random_norm()
    out = layer(batch.x, batch.edge_index, batch.edge_attr, batch.graph)
    weight, bias, scale = (p.double() for p in (norm.weight, norm.bias, norm.mean_scale))
    rows = []
    for g in range(batch.n_graphs):
        x = out[batch.graph == g].double()
        centred = x - scale * x.mean(0)
        rows.append(weight * centred / (centred.square().mean(0) + 1e-5).sqrt() + bias)
    expected = torch.cat(rows)
    for activation, end in ((None, expected), (torch.relu, expected.clamp(min=0))):
        found = convolution_step(layer, batch.x, batch, norm=norm, activation=activation)
        torch.testing.assert_close(found.double(), end, **ROUNDING)


@WITHOUT_GPS
def test_a_step_without_a_norm_is_relu_of_the_layer(conv_type):
    layer, batch = random_layer(conv_type), random_batch()
    out = layer(batch.x, batch.edge_index, batch.edge_attr, batch.graph)
    assert torch.equal(convolution_step(layer, batch.x, batch), out.relu())
    assert torch.equal(attention_step(layer, batch.x, batch)[0], out.relu())


@pytest.mark.parametrize("width_in", [FEATURES, WIDTH * HEADS])
def test_neither_norm_nor_relu_follows_a_gps_layer(width_in):
    layer, batch = random_layer("gps", width_in=width_in), random_batch()
    x = torch.randn(len(batch.x), width_in, generator=torch.Generator().manual_seed(1))
    out = layer(x, batch.edge_index, batch.edge_attr, batch.graph)
    assert (out < 0).any()
    assert torch.equal(convolution_step(layer, x, batch, norm=random_norm()), out)


@CONVOLUTIONS
def test_a_step_drops_nothing_in_eval_mode(conv_type):
    layer, batch = random_layer(conv_type), random_batch()
    first, second = (convolution_step(layer, batch.x, batch) for _ in range(2))
    assert torch.equal(first, second)


def test_an_unknown_layer_is_told_which_there_are():
    with pytest.raises(ValueError, match="'gcn' is unknown; there are: gat, gatv2, transformer, gps"):
        convolution("gcn", 1, 1, 1, 1)


def random_norm() -> GraphNorm:
    norm, draw = GraphNorm(WIDTH * HEADS), torch.Generator().manual_seed(5)
    norm.load_state_dict({name: random_tensor(name, p, draw) for name, p in norm.state_dict().items()})
    return norm.requires_grad_(False)

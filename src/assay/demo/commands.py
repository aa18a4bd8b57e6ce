"""The commands that train the demo's checkpoints: one thread of the CPU, the same bytes for the same seed."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from assay.demo.prepared import PreparedData
    from assay.demo.training import Trained

Data = Annotated[Path, typer.Option(help="Folder of a prepared data set, e.g. results/data/can_demo.")]
Output = Annotated[Path, typer.Option(help="The checkpoint to write.")]
Epochs = Annotated[int, typer.Option(min=1, help="Passes over the training graphs.")]
Seed = Annotated[int, typer.Option(help="Seed of everything drawn.")]
Hidden = Annotated[int, typer.Option(min=1, help="Width of the hidden layer.")]
Latent = Annotated[int, typer.Option(min=1, help="Width of a node's vector.")]


def train(
    data: Data,
    output: Output,
    layers: Annotated[int, typer.Option(help="Convolutions.")],
    hidden: Annotated[int, typer.Option(help="Width of a head.")],
    heads: Annotated[int, typer.Option(help="Attention heads.")],
    epochs: Epochs,
    conv_type: Annotated[Literal["gat", "gatv2"], typer.Option(help="gatv2 reads edge features.")] = "gat",
    teacher: Annotated[Path | None, typer.Option(help="A checkpoint to distil from.")] = None,
    seed: Seed = 0,
) -> None:
    """Train a small GAT on the split `train`."""
    from assay.demo.train_gat import gat_hyper_parameters, trained
    from assay.families import gat

    prepared = _prepared(data)
    graphs = prepared.split("train")
    shape = gat_hyper_parameters(
        prepared.content["facts"], conv_type=conv_type, layers=layers, hidden=hidden, heads=heads, seed=seed
    )
    taught = _subject(gat.load, teacher).predict(graphs.batch()).clone() if teacher else None
    _publish(trained(graphs, shape, epochs=epochs, taught=taught), output)


def train_vgae(
    data: Data, output: Output, latent: Latent, hidden: Hidden, epochs: Epochs, seed: Seed = 0
) -> None:
    """Train a small VGAE on the benign graphs of the split `train`, and calibrate its score."""
    from assay.demo.train_vgae import trained, vgae_hyper_parameters

    prepared = _prepared(data)
    shape = vgae_hyper_parameters(prepared.content["facts"], latent=latent, hidden=hidden, seed=seed)
    _publish(_trained_on_benign(trained, prepared, shape, epochs), output)


def train_dgi(
    data: Data, output: Output, latent: Latent, hidden: Hidden, epochs: Epochs, seed: Seed = 0
) -> None:
    """Train a small DGI network on the benign graphs of the split `train`, and fit its centre."""
    from assay.demo.train_dgi import dgi_hyper_parameters, trained

    prepared = _prepared(data)
    shape = dgi_hyper_parameters(prepared.content["facts"], latent=latent, hidden=hidden, seed=seed)
    _publish(_trained_on_benign(trained, prepared, shape, epochs), output)


def train_fusion(
    data: Data,
    output: Output,
    policy: Annotated[Literal["dqn", "mlp"], typer.Option(help="What is learnt: q-values or labels.")],
    vgae: Annotated[Path, typer.Option(help="The checkpoint of the expert that knows benign graphs only.")],
    gat: Annotated[Path, typer.Option(help="The checkpoint of the expert that was shown attacks.")],
    hidden: Hidden,
    epochs: Epochs,
    seed: Seed = 0,
) -> None:
    """Train a small fusion policy on what two checkpoints say of the split `train`."""
    from torch import from_numpy

    from assay.demo.train_fusion import POLICIES, expert_states
    from assay.families import gat as gat_family
    from assay.families import vgae as vgae_family

    samples = _prepared(data).samples("train")
    experts = _subject(vgae_family.load, vgae), _subject(gat_family.load, gat)
    states = expert_states(*experts, samples, seed=seed)
    trained, hyper_parameters = POLICIES[policy]
    shape = hyper_parameters(hidden=hidden, seed=seed)
    _publish(trained(states, from_numpy(samples.labels), shape, epochs=epochs), output)


def train_gsnn(
    screen: Annotated[Path, typer.Option(help="Folder of a simulated screen, e.g. results/demo/screen.")],
    output: Output,
    layers: Annotated[int, typer.Option(min=2, help="Blocks.")],
    channels: Annotated[int, typer.Option(min=2, help="Channels of a gene.")],
    hidden: Hidden,
    epochs: Epochs,
    seed: Seed = 0,
) -> None:
    """Train a small GSNN on a screen, told the known edges only."""
    import torch

    from assay.demo.train_gsnn import TrainingScreen, gsnn_options, trained

    torch.set_num_threads(1)
    options = gsnn_options(channels=channels, layers=layers, hidden=hidden)
    _publish(trained(TrainingScreen.at(screen), options, epochs=epochs, seed=seed), output)


def train_images(
    images: Annotated[Path, typer.Option(help="A prepared split, or results/demo/digits/train.npz.")],
    output: Output,
    family: Annotated[Literal["vit", "cnn"], typer.Option(help="The kind of network.")],
    layers: Annotated[int, typer.Option(min=1, help="Blocks, or convolutions.")],
    width: Annotated[int, typer.Option(min=4, help="Of a token, or channels.")],
    stride: Annotated[int, typer.Option(min=1, help="Pixels to the next patch, or of a convolution.")],
    epochs: Epochs,
    seed: Seed = 0,
) -> None:
    """Train a small image network on labelled images."""
    import torch

    from assay.demo.train_images import TRAINED, images_at

    torch.set_num_threads(1)
    shape = {"width": width, "layers": layers, "stride": stride}
    _publish(TRAINED[family](images_at(images), **shape, epochs=epochs, seed=seed), output)


def train_emulator(
    spectra: Annotated[Path, typer.Option(help="The simulations, e.g. results/demo/spectra.h5.")],
    output: Annotated[Path, typer.Option(help="The folder of the record to write; model.pt is in it.")],
    layers: Annotated[int, typer.Option(min=1, help="Hidden layers.")],
    hidden: Hidden,
    epochs: Epochs,
    seed: Seed = 0,
) -> None:
    """Train a small emulator of spectra, and keep a record of it."""
    import torch

    from assay.demo.train_emulator import Simulations, record, trained

    torch.set_num_threads(1)
    simulations = Simulations.at(spectra)
    result = trained(simulations, hidden=hidden, layers=layers, epochs=epochs, seed=seed)
    record(result, simulations, output, dataset=spectra, seed=seed)
    print(f"val_loss {result.val_losses[0]:.3f} -> {result.val_losses[-1]:.5f}", file=sys.stderr)


TRAINERS = (train, train_vgae, train_dgi, train_fusion, train_gsnn, train_images, train_emulator)


def _prepared(data: Path) -> "PreparedData":
    import torch

    from assay.demo.prepared import PreparedData

    torch.set_num_threads(1)  # the same sums in the same order, however many cores there are
    return PreparedData.at(data)


def _subject(load: Callable[..., Any], path: Path) -> Any:
    from assay.intake.checkpoint import read

    found = read(path)
    return load(found.tensors, found.hparams)


def _trained_on_benign(
    trained: "Callable[..., Trained]", prepared: "PreparedData", shape: Mapping[str, Any], epochs: int
) -> "Trained":
    from assay.demo.autoencoders import calibration

    graphs = prepared.split("train")
    chosen = calibration(train=graphs, val=prepared.split("val"))
    print(f"measured on {len(chosen.graphs)} benign graphs of the split {chosen.split}", file=sys.stderr)
    return trained(graphs, shape, measured_on=chosen.graphs, epochs=epochs)


def _publish(result: "Trained", output: Path) -> None:
    from assay.demo.training import checkpoint_bytes
    from assay.files import publish_bytes

    publish_bytes(output, checkpoint_bytes(result.checkpoint))
    print(f"loss {result.losses[0]:.3f} -> {result.losses[-1]:.3f}", file=sys.stderr)

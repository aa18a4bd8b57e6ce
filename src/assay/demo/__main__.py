"""`python -m assay.demo`: makes the demo's traffic and checkpoints, and sums up what was found."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from assay.errors import AssayError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help=__doc__)


@app.command()
def traffic(
    output: Annotated[Path, typer.Option(help="Folder for train_normal, train_attacks and test.")],
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
) -> None:
    """Write synthetic CAN captures with attacks."""
    from assay.demo.traffic import write_traffic

    print(f"{write_traffic(output, seed)} messages in {output}", file=sys.stderr)


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Folder of a prepared data set, e.g. results/data/can_demo.")],
    output: Annotated[Path, typer.Option(help="The checkpoint to write.")],
    layers: Annotated[int, typer.Option(help="Convolutions.")],
    hidden: Annotated[int, typer.Option(help="Width of a head.")],
    heads: Annotated[int, typer.Option(help="Attention heads.")],
    teacher: Annotated[Path | None, typer.Option(help="A checkpoint to distil from.")] = None,
    epochs: Annotated[int, typer.Option(help="Passes over the training split.")] = 15,
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
) -> None:
    """Train a small GAT on the split `train`, on one thread of the CPU."""
    import torch

    from assay.demo.prepared import PreparedData
    from assay.demo.train import checkpoint_bytes, gat_hyper_parameters, trained
    from assay.families import gat
    from assay.files import publish_bytes
    from assay.intake.checkpoint import read

    torch.set_num_threads(1)  # the same sums in the same order, whatever the machine
    torch.use_deterministic_algorithms(True)
    prepared = PreparedData.at(data)
    graphs = prepared.split("train")
    shape = gat_hyper_parameters(
        prepared.content["facts"], layers=layers, hidden=hidden, heads=heads, seed=seed
    )
    taught = None
    if teacher:
        found = read(teacher)
        taught = gat.load(found.tensors, found.hparams).predict(graphs.batch()).clone()
    result = trained(graphs, shape, epochs=epochs, taught=taught)
    publish_bytes(output, checkpoint_bytes(result.checkpoint))
    print(f"loss {result.losses[0]:.3f} -> {result.losses[-1]:.3f}", file=sys.stderr)


@app.command()
def summary(results: Annotated[Path, typer.Argument(help="The results folder.")]) -> None:
    """Print the AUROC of every checkpoint by type of attack, beside that of counting messages."""
    from assay.demo.summary import scores, table

    print(table(scores(results)))


if __name__ == "__main__":
    try:
        app()
    except AssayError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)

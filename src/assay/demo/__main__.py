"""`python -m assay.demo`: makes the demo's traffic and checkpoints, and sums up what was found."""

import sys
from collections.abc import Sequence
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
    try:
        from assay.demo.traffic import write_traffic

        n_messages = write_traffic(output, seed)
    except ModuleNotFoundError as error:
        raise AssayError(f"The demo's traffic needs {error.name}: pip install 'assay[demo]'.") from None
    print(f"{n_messages} messages in {output}", file=sys.stderr)


@app.command()
def train(
    data: Annotated[Path, typer.Option(help="Folder of a prepared data set, e.g. results/data/can_demo.")],
    output: Annotated[Path, typer.Option(help="The checkpoint to write.")],
    layers: Annotated[int, typer.Option(help="Convolutions.")],
    hidden: Annotated[int, typer.Option(help="Width of a head.")],
    heads: Annotated[int, typer.Option(help="Attention heads.")],
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training split.")],
    teacher: Annotated[Path | None, typer.Option(help="A checkpoint to distil from.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
) -> None:
    """Train a small GAT on the split `train`, on one thread of the CPU."""
    import torch

    from assay.demo.prepared import PreparedData
    from assay.demo.train import checkpoint_bytes, gat_hyper_parameters, trained
    from assay.families import gat
    from assay.files import publish_bytes
    from assay.intake.checkpoint import read

    torch.set_num_threads(1)  # the same sums in the same order, however many cores there are
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
    """Print the AUROC of teacher and student by type of attack, beside that of counting messages."""
    from assay.demo.summary import scores, table

    print(table(scores(results)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command of `arguments`, or of the command line; what is wrong is said without a traceback."""
    try:
        app(arguments)
    except AssayError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

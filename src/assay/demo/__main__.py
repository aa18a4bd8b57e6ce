"""`python -m assay.demo`: makes the demo's traffic and checkpoints, and sums up what was found."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from assay.demo.commands import TRAINERS
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
def screen(
    output: Annotated[Path, typer.Option(help="Folder for train.npz, val.npz and known_edges.npz.")],
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
) -> None:
    """Write a simulated perturbation screen, a third of whose edges are held out."""
    from assay.demo.screen import write_screen

    print(f"{write_screen(output, seed)} samples in {output}", file=sys.stderr)


@app.command()
def digits(
    output: Annotated[Path, typer.Option(help="Folder for train.npz and val.npz.")],
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
) -> None:
    """Write scikit-learn's handwritten digits."""
    from assay.demo.digits import write_digits

    print(f"{write_digits(output, seed)} images in {output}", file=sys.stderr)


@app.command()
def spectra(
    output: Annotated[Path, typer.Option(help="The HDF5 file to write.")],
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
) -> None:
    """Write toy power spectra of simulations."""
    from assay.demo.spectra import write_spectra

    print(f"{write_spectra(output, n=600, seed=seed)} simulations in {output}", file=sys.stderr)


@app.command()
def mri(
    output: Annotated[Path, typer.Option(help="Folder for the slices and labels.csv.")],
) -> None:
    """Write the slices of a small MRI series of one head."""
    from assay.demo.mri import write_mri

    print(f"{write_mri(output)} slices in {output}", file=sys.stderr)


for command in TRAINERS:
    app.command()(command)


@app.command()
def summary(results: Annotated[Path, typer.Argument(help="The results folder.")]) -> None:
    """Print the AUROC of every checkpoint by type of attack, beside that of counting messages."""
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

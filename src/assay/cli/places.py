"""The options that every command shares: where it works and which config it reads."""

import os
from typing import Annotated

import typer

from assay.config import DEFAULT_CONFIG
from assay.errors import ConfigError

DIRECTORY_HELP = "Work in this folder; paths of config and sheet are relative to it, as in Snakemake."


def moved(directory: str | None) -> str | None:
    """Change to the folder that --directory names."""
    if directory:
        try:
            os.chdir(directory)
        except OSError as error:
            raise ConfigError(f"--directory {directory}: {error.strerror}.") from None
    return directory


ConfigOption = Annotated[str, typer.Option(help="The config file.", show_default=DEFAULT_CONFIG)]
DirectoryOption = Annotated[
    str | None, typer.Option("--directory", "-d", help=DIRECTORY_HELP, callback=moved, is_eager=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]

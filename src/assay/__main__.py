"""`assay`, and `python -m assay`: by a fork server where there is one, else here."""

import sys

from assay.cluster.served import served


def main() -> None:
    """Run the command line; see `assay.cli`."""
    code = served(sys.argv[1:])
    if code is not None:
        sys.exit(code)
    from assay import cli

    cli.main()


if __name__ == "__main__":
    main()

"""What can be wrong, each kind with the exit code that the command line answers."""

from collections.abc import Sequence


class AssayError(Exception):
    """A job that failed for a reason that we can name. The text says what, got, allowed, where."""

    exit_code = 1


class ConfigError(AssayError):
    """Config and sheet disagree with the table; carries every problem at once, one line each."""

    exit_code = 2

    def __init__(self, problems: Sequence[str] | str):
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class Refused(AssayError):
    """An input file is not what it claims to be, or a result is not what its record says."""

    exit_code = 3


class ResultWarning(UserWarning):
    """A result that stands, with something its reader must know; kept in the record."""


class CountedWarning(ResultWarning):
    """A ResultWarning about `n` cases in one batch of a model; a job tells the sum over all batches of each model."""

    def __init__(self, text: str, n: int, *, model: object):
        self.n = n
        self.model = model  # any object that the model has to itself
        super().__init__(text)

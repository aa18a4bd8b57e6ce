"""A finding of the preflight: what is wrong, what was got and needed, where, and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that would go wrong on the cluster; a warning where it may go right all the same."""

    where: str
    what: str
    got: str
    needed: str
    advice: str
    is_warning: bool = False

    @property
    def line(self) -> str:
        """All of it on one line."""
        text = f"{self.where}: {self.what}: got {self.got}, needed {self.needed}. {self.advice}"
        return " ".join(text.split())

"""The names in the folders of results; each folder is read once, however many files are asked for."""

import os


class Listing:
    """What lies in the folders that were asked about, as it was at the first question."""

    def __init__(self) -> None:
        self._names: dict[str, frozenset[str]] = {}

    def holds(self, file: str) -> bool:
        """Whether a file is there."""
        folder, _, name = file.rpartition("/")
        return name in self.names(folder)

    def names(self, folder: str) -> frozenset[str]:
        """The names in a folder; none where it is not there or cannot be read."""
        if folder not in self._names:
            try:
                self._names[folder] = frozenset(os.listdir(folder))  # noqa: PTH208
            except OSError:
                self._names[folder] = frozenset()
        return self._names[folder]

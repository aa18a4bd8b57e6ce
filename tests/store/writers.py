"""Writers of one target with its record, and a schedule that says whose turn it is at every step on the disk."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from assay.files import publish_bytes, write_new
from assay.store.stage import OWNER, Stage

TARGET, BESIDE, RECORD = Path("c/cka.json"), Path("c/cka.parquet"), Path("c/records/cka.json")
FILES = (BESIDE, TARGET, RECORD)


def published(stage: Stage, which: str) -> None:
    """Make target, file beside it and record as a job does, all of them saying `which`."""
    for file in FILES:
        publish_bytes(stage.path(file), which.encode(), write=write_new)
    stage.remove(RECORD)
    stage.publish(*FILES)


def standing() -> str:
    """What lies in the results: nothing, the writer of all files, or how they are torn."""
    found = [file.read_text() for file in FILES if file.exists()]
    if not RECORD.exists():
        return "nothing"
    return found[0] if len(found) == 3 and len(set(found)) == 1 else f"torn: {found}"


def litter() -> set[str]:
    """What lies beside the files."""
    return {str(path) for path in Path("c").rglob("*") if path.is_file()} - {str(file) for file in FILES}


class Turns:
    """Lets threads go on one at a time; `choose` picks among those that want to move a name on the disk."""

    def __init__(self, choose: Callable[[list[str]], str]):
        self._choose = choose
        self._turns: dict[str, threading.Semaphore] = {}
        self._stopped = threading.Semaphore(0)
        self.links: list[str] = []  # who became the owner, in order

    def run(self, **writers: Callable[[], object]) -> None:
        """Call every writer in a thread of its own name, to its end."""
        threads = {
            name: threading.Thread(target=self._whole, args=(act,), name=name)
            for name, act in writers.items()
        }
        self._turns = {name: threading.Semaphore(0) for name in threads}
        with self._armed():
            for thread in threads.values():
                thread.start()
                self._stopped.acquire()
            while self._turns:
                self._turns[self._choose(list(self._turns))].release()
                self._stopped.acquire()
        for thread in threads.values():
            thread.join()

    def _whole(self, act: Callable[[], object]) -> None:
        try:
            act()
        finally:
            del self._turns[threading.current_thread().name]
            self._stopped.release()

    def _step(self) -> None:
        turn = self._turns.get(threading.current_thread().name)
        if turn is not None:
            self._stopped.release()
            turn.acquire()

    @contextmanager
    def _armed(self) -> Iterator[None]:
        with (
            patch.object(os, "link", self._stepping(os.link, self.links)),
            patch.object(os, "rename", self._stepping(os.rename)),
            patch.object(os, "fsync", lambda descriptor: None),
        ):
            yield

    def _stepping(self, call: Callable, log: list[str] | None = None) -> Callable:
        def stepped(*arguments, **keywords):
            self._step()
            done = call(*arguments, **keywords)
            if log is not None and Path(arguments[0]).name == OWNER:  # not one that is given back
                log.append(threading.current_thread().name)
            return done

        return stepped


def every_schedule(run: Callable[[Callable[[list[str]], str]], None]) -> int:
    """Run once for every order in which the writers can be let go on; returns how many there are."""
    path: list[tuple[int, int]] = []  # (chosen, of how many) at each turn
    n = 0
    while True:
        turn = iter(range(10**6))

        def choose(waiting: list[str], turn=turn) -> str:
            at = next(turn)
            if at == len(path):
                path.append((0, len(waiting)))
            return waiting[path[at][0]]

        run(choose)
        n += 1
        while path and path[-1][0] + 1 == path[-1][1]:
            path.pop()
        if not path:
            return n
        path[-1] = (path[-1][0] + 1, path[-1][1])

"""Makes each small wrong change of tests/mutants/*.toml in a copy of the tree; the test that it names must fail.

python tests/mutants/run.py [AREA...]
"""

import ast
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[2]
AT_A_TIME = 2
VERDICTS = {0: "SURVIVED", 1: "killed"}  # by pytest's exit code; any other is an error of the mutant itself


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong change: `old`, which stands once in `file`, becomes `new`."""

    area: str
    name: str
    file: str
    old: str
    new: str
    test: str


def main(areas: list[str]) -> int:
    """Judge every mutant of the areas; 0 where all are killed."""
    mutants = read(areas)
    trees: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(AT_A_TIME):
            trees.put(copy_of_the_tree(Path(folder, str(number))))
        tests = sorted({mutant.test for mutant in mutants})
        if exit_code(Path(folder, "0"), f"-n{AT_A_TIME}", *tests, quiet=False) != 0:
            print("the tests fail without any mutant")
            return 1
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            verdicts = Counter(pool.map(partial(judged, trees), mutants))
    print(", ".join(f"{n} {verdict}" for verdict, n in verdicts.items()))
    return 0 if verdicts.keys() == {"killed"} else 1


def read(areas: list[str]) -> list[Mutant]:
    """The mutants of the areas, or of all."""
    files = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.toml"))}
    if unknown := set(areas) - files.keys():
        sys.exit(f"no area {', '.join(sorted(unknown))}; there are {', '.join(files)}")
    chosen = {area: tomllib.loads(files[area].read_text())["mutant"] for area in areas or files}
    return [Mutant(area, **entry) for area, entries in chosen.items() for entry in entries]


def judged(trees: SimpleQueue, mutant: Mutant) -> str:
    """The verdict on one mutant, also printed; works in a tree that nobody else has."""
    tree = trees.get()
    file = tree / mutant.file
    text = file.read_text()
    try:
        file.write_text(mutated(text, mutant))
        code = exit_code(tree, "-x", mutant.test)
        verdict = VERDICTS.get(code, f"error (pytest exits with {code})")
    except (ValueError, SyntaxError, subprocess.TimeoutExpired) as error:
        verdict = f"error ({error})"
    finally:
        file.write_text(text)
        trees.put(tree)
    print(f"{verdict:10} {mutant.area}: {mutant.name}", flush=True)
    return verdict


def mutated(text: str, mutant: Mutant) -> str:
    """The text with the wrong change; a module must still be Python."""
    if (n := text.count(mutant.old)) != 1:
        raise ValueError(f"`old` stands {n} times in {mutant.file}")
    changed = text.replace(mutant.old, mutant.new)
    if mutant.file.endswith(".py"):
        ast.parse(changed)
    return changed


def copy_of_the_tree(folder: Path) -> Path:
    """A copy of all that tests read; nothing hidden, nothing made."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "results", "logs", "build")
    return Path(shutil.copytree(ROOT, folder, ignore=left_out, symlinks=True))


def exit_code(tree: Path, *arguments: str, quiet: bool = True) -> int:
    """The exit code of pytest in a tree, whose own source comes before the installed one."""
    # bytecode is known by the second: a mutant may not leave its own behind
    environment = {"PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    output = subprocess.DEVNULL if quiet else None
    return subprocess.run(
        command, cwd=tree, env=os.environ | environment, stdout=output, stderr=output, timeout=600
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

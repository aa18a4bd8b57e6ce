"""Digests of the code that a job runs. Standard library only; nothing is imported to be read."""

import ast
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from assay.errors import Refused
from assay.files import compact_json, publish_json, read_json

Digested = list[Any]  # sha256 of the source, digest of its tree, names that it may import


def code_digests(modules: Iterable[str]) -> dict[str, str]:
    """A digest of each of `modules` and of all that they import inside their distribution, by module name.

    A digest is of the syntax tree without docstrings: comments and layout do not change it.
    """
    known = _remembered()
    before = dict(known)
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found[module], imports = _module(module, known)
            waiting.extend(name for name in imports if _source(name))
    if known != before:
        _remember(known)
    return dict(sorted(found.items()))


def combined(digests: dict[str, str]) -> str:
    """One short digest over many."""
    return hashlib.sha256(compact_json(digests).encode()).hexdigest()[:16]


def _module(module: str, known: dict[str, Digested]) -> tuple[str, list[str]]:
    """The digest of a module and what it imports, from `known` where the source is the one remembered there."""
    path = _source(module)
    if path is None:
        raise ModuleNotFoundError(f"No module {module!r} to digest")
    source = path.read_bytes()
    key = hashlib.sha256(_this_module() + source).hexdigest()
    if known.get(module, [""])[0] != key:
        tree = _without_docstrings(ast.parse(source, path))
        digest = hashlib.sha256(_canonical(tree).encode()).hexdigest()[:16]
        known[module] = [key, digest, sorted(set(_imports(tree, module, path.name == "__init__.py")))]
    _, digest, imports = known[module]
    return digest, imports


@cache
def _remembered() -> dict[str, Digested]:
    """What earlier processes digested, by module: parsing takes far longer than reading the source."""
    try:
        return read_json(_memory())
    except (OSError, Refused):
        return {}


def _remember(known: dict[str, Digested]) -> None:
    """Keep `known` for later processes; where that cannot be written, silently not."""
    with suppress(OSError):
        publish_json(_memory(), known)


def _memory() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "assay" / "digests.json"


@cache
def _this_module() -> bytes:
    return Path(__file__).read_bytes()


@cache
def _source(module: str) -> Path | None:
    """The file of a module, found without importing its packages."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin)
    if not rest:
        return path
    place = path.parent.joinpath(*rest)
    return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()), None)


def _imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    top = module.partition(".")[0]
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        for name in _names(node, package):
            if name.partition(".")[0] == top and name != top:
                yield name


def _names(node: ast.AST, package: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        up = package[: len(package) - node.level + 1] if node.level else []
        base = ".".join([*up, *([node.module] if node.module else [])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _canonical(node: object) -> str:
    """A text of the tree in which empty fields do not show, since Python versions add such fields."""
    if isinstance(node, list):
        return f"[{','.join(map(_canonical, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = ((name, value) for name, value in ast.iter_fields(node) if value is not None and value != [])
    return f"{type(node).__name__}({','.join(f'{name}={_canonical(value)}' for name, value in fields)})"


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and _has_docstring(node):
            node.body = node.body[1:]
    return tree


def _has_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return (
        bool(node.body)
        and isinstance(node.body[0], ast.Expr)
        and (isinstance(node.body[0].value, ast.Constant) and isinstance(node.body[0].value.value, str))
    )

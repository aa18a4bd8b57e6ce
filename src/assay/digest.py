"""Digests of the code that a job runs. Standard library only; nothing is imported to be read."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from assay.files import compact_json


def code_digests(modules: Iterable[str]) -> dict[str, str]:
    """A digest of each of `modules` and of all that they import inside their distribution, by module name.

    A digest is of the syntax tree without docstrings: comments and layout do not change it.
    """
    found: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            digest, imports = _module(module)
            found[module] = digest
            waiting.extend(imports)
    return dict(sorted(found.items()))


def combined(digests: dict[str, str]) -> str:
    """One short digest over many."""
    return hashlib.sha256(compact_json(digests).encode()).hexdigest()[:16]


@cache
def _module(module: str) -> tuple[str, tuple[str, ...]]:
    path = _source(module)
    if path is None:
        raise ModuleNotFoundError(f"No module {module!r} to digest")
    tree = _without_docstrings(ast.parse(path.read_bytes(), path))
    digest = hashlib.sha256(_canonical(tree).encode()).hexdigest()[:16]
    return digest, tuple(sorted(set(_imports(tree, module, is_package=path.name == "__init__.py"))))


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


def _imports(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    top = module.partition(".")[0]
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        for name in _names(node, package):
            if name.partition(".")[0] == top and name != top and _source(name):
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

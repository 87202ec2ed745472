"""The files that definitions are made of: what is in them, and how to reload them.

Beside a definition's modules those count that they import from their own packages.
Which module imports which is read from the files, and nothing is run for it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

OURS = __name__.partition(".")[0]

#: When a file was written last, its size, and which file it is.
Stamp = tuple[int, int, int]


class Source(NamedTuple):
    """A file of a module."""

    path: Path
    stamp: Stamp


def sources(modules: Iterable[str]) -> dict[str, Source]:
    """Return the files of modules, and of what these import from their packages.

    Without our own, Python's, and what is not a file of Python.
    """
    left = [name for name in modules if _is_theirs(name)]
    tops = {_top(name) for name in left}
    found: dict[str, Source] = {}
    seen = {*left}
    while left:
        name = left.pop()
        source = _source(name)
        if source is None:
            continue
        found[name] = source
        for each in imported(name, source):
            if each not in seen and _top(each) in tops:
                seen.add(each)
                left.append(each)
    return found


def beneath(package: str) -> list[str]:
    """Return a package and the modules right in it, by its files."""
    source = _source(package)
    if source is None or source.path.name != "__init__.py":
        return []
    files = source.path.parent.glob("*.py")
    inner = [f"{package}.{file.stem}" for file in files if file.stem != "__init__"]
    return sorted([package, *inner])


def digest(files: dict[str, Source], names: Iterable[str]) -> str:
    """Return a digest of what is in the files of some modules now."""
    whole = hashlib.sha256()
    for name in sorted({*names} & files.keys()):
        whole.update(f"{name}\0{_content(*files[name])}\0".encode())
    return whole.hexdigest()[:16]


def dependents(
    files: dict[str, Source], changed: Iterable[str], but: Iterable[str] = ()
) -> set[str]:
    """Return those that import one of the changed, however far away; and these.

    :param but: modules that are left out, and by which nothing is handed on.
    """
    uses = {
        name: imported(name, source, at_once=True)
        for name, source in files.items()
        if name not in {*but}
    }
    found = {*changed} - {*but}
    while more := {name for name in uses if uses[name] & found} - found:
        found |= more
    return found


def imported(name: str, source: Source, at_once: bool = False) -> frozenset[str]:
    """Return the modules that one may import, by their full names.

    :param at_once: without those that its functions import when they are called.
    """
    now, later = _imported(name, source)
    return now if at_once else now | later


def made_in(name: str, source: Source) -> list[tuple[str, object]]:
    """Return what a loaded module has made itself: the names that it gives, and it."""
    module = sys.modules.get(name)
    tree = _tree(source.path)
    if module is None or tree is None:
        return []
    names = [
        target.id
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    return [(each, getattr(module, each, None)) for each in names]


def forget_compiled(files: Iterable[Path]) -> None:
    """Have files read: what is compiled is told from a new file by the second only."""
    for file in files:
        with suppress(OSError, NotImplementedError):
            Path(importlib.util.cache_from_source(file)).unlink(missing_ok=True)


@contextmanager
def anew(names: Iterable[str]) -> Iterator[None]:
    """Have these modules loaded anew by whoever imports them in the block.

    If it fails, those that were there before are there again.
    """
    names = sorted(names)
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    files = [getattr(module, "__file__", None) for module in before.values()]
    forget_compiled(Path(file) for file in files if file)
    importlib.invalidate_caches()
    known = {*sys.modules}
    try:
        for name in before:
            if importlib.util.find_spec(name) is not None:
                importlib.import_module(name)
        yield
    except BaseException:
        for name in {*sys.modules} - known:
            del sys.modules[name]
        sys.modules.update(before)
        _tie(before)
        raise
    _tie({name: sys.modules[name] for name in before if name in sys.modules})


# --- what is read ---------------------------------------------------------------------


def _top(name: str) -> str:
    return name.partition(".")[0]


def _is_theirs(name: str) -> bool:
    return _top(name) not in sys.stdlib_module_names | {OURS, "__main__", ""}


def _source(name: str) -> Source | None:
    """Return the file of a module that is loaded, or could be."""
    path = getattr(sys.modules.get(name), "__file__", None)
    if path is None:
        parent, _, last = name.rpartition(".")
        homes = getattr(sys.modules.get(parent), "__path__", []) if parent else []
        ways = (Path(each, *way) for each in homes for way in _ways(last))
        path = next((each for each in ways if each.is_file()), None)
    if path is None or str(path).endswith(tuple(EXTENSION_SUFFIXES)):
        return None
    with suppress(OSError):
        told = Path(path).stat()
        return Source(Path(path), (told.st_mtime_ns, told.st_size, told.st_ino))
    return None


def _ways(last: str) -> Iterator[tuple[str, ...]]:
    yield (f"{last}.py",)
    yield last, "__init__.py"


@lru_cache(maxsize=4096)
def _content(path: Path, stamp: Stamp) -> str:
    with suppress(OSError):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return ""


def _tree(path: Path) -> ast.Module | None:
    with suppress(OSError, SyntaxError, ValueError):
        return ast.parse(path.read_bytes())
    return None


@lru_cache(maxsize=4096)
def _imported(name: str, source: Source) -> tuple[frozenset[str], frozenset[str]]:
    """Return what a module imports: at once, and when its functions are called."""
    tree = _tree(source.path)
    package = name if source.path.name == "__init__.py" else name.rpartition(".")[0]
    found: tuple[set[str], set[str]] = set(), set()
    for node, is_later in _walked(tree, False) if tree is not None else ():
        found[is_later].update(_names(node, package))
    at_once, later = found
    return frozenset(at_once - {name}), frozenset(later - {name})


def _walked(node: ast.AST, is_later: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield what is below a node, and whether it is inside of a function."""
    for child in ast.iter_child_nodes(node):
        inside = is_later or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
        yield child, inside
        yield from _walked(child, inside)


def _names(node: ast.AST, package: str) -> Iterator[str]:
    """Yield the full names that a statement may import, if it is one that does."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        home = node.module or ""
        if node.level:
            up = package.rsplit(".", node.level - 1)[0]
            home = f"{up}.{home}".rstrip(".")
        yield home
        yield from (f"{home}.{alias.name}" for alias in node.names)


# --- what is loaded -------------------------------------------------------------------


def _tie(modules: dict[str, ModuleType]) -> None:
    """Let packages know their modules, and modules be known by their packages."""
    for name, module in modules.items():
        parent, _, last = name.rpartition(".")
        if parent in sys.modules:
            setattr(sys.modules[parent], last, module)
        for inner in [each for each in sys.modules if each.startswith(f"{name}.")]:
            last = inner.removeprefix(f"{name}.")
            if "." not in last:
                setattr(module, last, sys.modules[inner])

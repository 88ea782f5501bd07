"""The code of a user: which it is, where in it something failed, and loading it as it stands on disk."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from rrm.envs.wrapped.making import placed
from rrm.errors import ConfigError, nearest
from rrm.text import clip, line, place, raised


@cache
def _not_theirs() -> tuple[str, ...]:
    """The folders of Python, of what is installed, and of this package."""
    import rrm.agents
    import rrm.envs
    import rrm.errors

    places = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    ours = [*rrm.agents.__path__, *rrm.envs.__path__, str(Path(rrm.errors.__file__).parent)]
    return tuple({f"{folder}{os.sep}" for each in (*places, *ours) for folder in (each, os.path.realpath(each))})


@cache
def is_theirs(file: str) -> bool:
    """Whether a file of code is the user's own: neither Python's, nor installed, nor this package's."""
    installed = f"{os.sep}site-packages{os.sep}" in file  # of another environment that a .pth file adds, too
    return not (installed or file.startswith("<frozen ") or os.path.realpath(file).startswith(_not_theirs()))


def is_own(module: object) -> bool:
    """Whether a module is the user's own."""
    if not isinstance(module, str | None):  # some classes of C have a descriptor of that name
        return False
    top = (module or "__main__").partition(".")[0]
    if top == "rrm" or (top in sys.stdlib_module_names and top != "__main__"):
        return False
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    return top == "__main__" or file is None or is_theirs(file)


def place_of(error: BaseException) -> str | None:
    """The line of the user's own code in which an error arose, if it was in such: 'judges.py, line 3'."""
    found, trace = None, error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if is_theirs(file):
            found = f"{place(_shortest(file))}, line {trace.tb_lineno}"
        trace = trace.tb_next
    if found is None and error.__cause__ is not None:  # a StopIteration that was raised in a generator
        return place_of(error.__cause__)
    return found


def _shortest(file: str) -> str:
    """A path from the present directory on, if that leads down."""
    with contextlib.suppress(ValueError):  # another drive
        relative = os.path.relpath(file)
        return file if relative.startswith(os.pardir) else relative
    return file


# --- Loading ----------------------------------------------------------------------------------------------------------

_LOADED: dict[str, tuple[str, ModuleType]] = {}
"""What was loaded by whom: by file or module, the fingerprint of its text and of what it imports, and the module."""


def locate(spec: str, about: str, known: Collection[str], group: str) -> Any:
    """What ``spec`` names: an entry point of ``group``, ``package.module:name`` or ``path/to/file.py:name``.

    Raises:
        ConfigError: nothing of that name is there, or loading it fails; ``about`` stands before the reason, and the
            nearest of the entry points and of the ``known`` names behind it.
    """
    points = {point.name: point for point in entry_points(group=group)}
    if spec in points:
        try:
            return points[spec].load()
        except (Exception, SystemExit) as error:  # of a package of somebody's
            raise ConfigError(f"{about}: loading it failed: {raised(error)}") from error
    where, colon, name = spec.rpartition(":")
    if not colon or not where or not name:
        hint = nearest(spec, [*known, *points])
        what = about.partition(": ")[0]
        raise ConfigError(f"{about} is not a registered {what}, nor module:name or file.py:name{hint}")
    module = (load_file if where.endswith(".py") else load_module)(where, about)
    try:
        return getattr(module, name)
    except Exception:  # AttributeError, but for modules with a __getattr__ of their own
        raise ConfigError(f"{about}: {where} has no {name!r}{nearest_in(module, name)}") from None


def nearest_in(module: ModuleType, name: str) -> str:
    """A hint to append to a message, at what a module has that may be called."""
    return nearest(name, [key for key, each in vars(module).items() if callable(each) and not key.startswith("_")])


def load_file(path: str, about: str) -> ModuleType:
    """The module of a Python file, as the file stands now.

    It is run once for each text that it has had, its own and that of the modules beside it that it imports: whoever
    edits one of them and runs again gets the new one. Its folder is searched for what it imports.

    Raises:
        ConfigError: there is no such file, or running it fails; ``about`` stands before the reason.
    """
    try:
        file = placed(path)
        there = file.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # a name that no system allows, a link to itself, no such user
        raise ConfigError(f"{about}: {line(error)}") from None
    if not there:
        raise ConfigError(f"{about}: there is no file {place(path)}")
    with _failing(f"{about}: running {place(path)} failed"):
        text = file.read_bytes()
        beside = imported_beside(file, file.parent)
        digest = _digest({file: text, **beside})
        before = _LOADED.get(str(file))
        if before is not None and before[0] == digest:
            return before[1]
        name = f"rrm_evaluator_{hashlib.sha256(f'{file} {digest}'.encode()).hexdigest()[:12]}"
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        with _anew(_gone(beside, file.parent, edited=before is not None), beside), _first_on_path(file.parent):
            sys.modules[name] = module
            exec(compile(text, str(file), "exec", dont_inherit=True), vars(module))  # the text that was read
    _LOADED[str(file)] = digest, module
    return module


def load_module(name: str, about: str) -> ModuleType:
    """A module that can be imported; one of the user's own as its file stands now, as ``load_file`` does.

    Raises:
        ConfigError: importing it fails; ``about`` stands before the reason.
    """
    with _failing(f"{about}: importing {clip(name)} failed"):
        with _anew((), ()):
            module = importlib.import_module(name)
        file = getattr(module, "__file__", None)
        if file is None or not is_theirs(file) or not file.endswith(".py"):
            return module
        path = Path(file).resolve()
        root = path.parents[name.count(".") + (path.name == "__init__.py")]
        texts = {path: path.read_bytes(), **imported_beside(path, root)}
        digest, before = _digest(texts), _LOADED.get(name)
        if before is not None and before[0] != digest and before[1] is module:
            with _anew(_gone(texts, root, edited=True), texts):
                module = importlib.import_module(name)
    _LOADED[name] = digest, module
    return module


@contextlib.contextmanager
def _failing(text: str) -> Iterator[None]:
    try:
        yield
    except (Exception, SystemExit) as error:  # whatever a user's code raises while it is loaded
        where = place_of(error)
        raise ConfigError(f"{text}: {raised(error)}{f', at {where}' if where else ''}") from error


def _gone(files: Collection[Path], root: Path, edited: bool) -> list[str]:
    """The names of modules that are to be imported anew: those of these files, if one was edited; and those of the
    user's own that have the name of one of them and lie elsewhere."""
    if not files:
        return []
    tops = {each.relative_to(root).with_suffix("").parts[0] for each in files if each.is_relative_to(root)}
    gone = []
    for name, module in list(sys.modules.items()):
        file = _file_of(module)
        if file in files and edited:
            gone.append(name)
        elif file is not None and name.partition(".")[0] in tops and not file.is_relative_to(root):
            gone += [name] * is_theirs(str(file))
    return gone


@contextlib.contextmanager
def _anew(names: Collection[str], files: Iterable[Path]) -> Iterator[None]:
    """Modules of these names are imported anew in the block; if it fails, the old ones are put back.

    Compiled files are neither written nor, of ``files``, believed: within a second Python takes an edited file of the
    same size for the old one.
    """
    gone = {name: sys.modules.pop(name) for name in names}
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        for file in files if gone else ():
            with contextlib.suppress(OSError, NotImplementedError):
                Path(importlib.util.cache_from_source(str(file))).unlink()
        importlib.invalidate_caches()
        yield
    except BaseException:
        sys.modules.update(gone)
        raise
    finally:
        sys.dont_write_bytecode = before


@contextlib.contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    """The folder is searched first for what is imported in the block, and last for what is imported later."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        if str(folder) not in sys.path:
            sys.path.append(str(folder))


def _file_of(module: object) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if isinstance(file, str) else None


def _digest(texts: dict[Path, bytes]) -> str:
    hasher = hashlib.sha256()
    for path, text in sorted(texts.items()):
        hasher.update(f"{path} {len(text)} ".encode() + text)
    return hasher.hexdigest()


def imported_beside(file: Path, root: Path) -> dict[Path, bytes]:
    """The Python files under ``root`` that a file imports, itself left out, and those that these import: by path."""
    found: dict[Path, bytes] = {}
    left = [file]
    while left:
        for path in _imported(left.pop(), root):
            if path != file and path not in found:
                found[path] = path.read_bytes()
                left.append(path)
    return found


def _imported(file: Path, root: Path) -> Iterator[Path]:
    """The files under ``root`` of the modules that a file imports anywhere in it."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, RecursionError):  # importing it will say so
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names, home = [alias.name for alias in node.names], root
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = [f"{module}.{alias.name}".strip(".") for alias in node.names] + [module] * bool(module)
            home = file.parents[node.level - 1] if node.level else root
        else:
            continue
        for name in names:
            yield from files_of(home, name.split("."))


def files_of(home: Path, parts: list[str]) -> Iterator[Path]:
    """The files of a dotted name under ``home``: of its packages, and of the module."""
    for depth in range(1, len(parts) + 1):
        for path in (home.joinpath(*parts[:depth], "__init__.py"), home.joinpath(*parts[:depth]).with_suffix(".py")):
            if path.is_file() and is_theirs(str(path)):
                yield path.resolve()

"""Loads the code of a user as it is on disk: a module, or a file.

Evaluators, environments and methods that are named by ``file.py:name`` or ``module:name`` are all loaded here.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from types import ModuleType

from rrm.envs.user_errors import failure, is_raised_by_user, is_theirs, line


class UserCodeError(ValueError):
    """A file or a module of a user's cannot be loaded; ``str`` is one line."""


_LOADED: dict[str, tuple[str, ModuleType]] = {}
"""What has been loaded: by file or module, the fingerprint of its text and of what it imports, and the module."""


_KEPT: dict[str, ModuleType] = {}
"""While loaded code is kept: what was loaded since then, by file or module."""

_keeping = 0


@contextlib.contextmanager
def keep_loaded_code() -> Iterator[None]:
    """Within the block, a file or module that has been loaded is not loaded again, even if it is edited meanwhile."""
    global _keeping
    _keeping += 1
    try:
        yield
    finally:
        _keeping -= 1
        if not _keeping:
            _KEPT.clear()


_PLACED: dict[str, Path] = {}
"""The copies of files that were sent here from another machine, by the paths that name them."""


def place_file(path: str, copy: Path) -> None:
    """Have a copy be loaded in the place of a file.

    Args:
        path: of the file, as the configuration names it.
        copy: the path of the copy.
    """
    _PLACED[path] = copy


def is_file(where: str) -> bool:
    """Whether the part of a name before its colon is a file of Python.

    Args:
        where: the part of a name before its colon.
    """
    return where.endswith(".py")


def load(where: str) -> ModuleType:
    """The module of a file or of a name, as its file stands now.

    Args:
        where: ``path/to/file.py``, or ``package.module``.

    Raises:
        UserCodeError: there is no such file, or running it fails.
    """
    if where in _KEPT:
        return _KEPT[where]
    module = (_load_file if is_file(where) else _load_module)(where)
    if _keeping:
        _KEPT[where] = module
    return module


def _load_file(path: str) -> ModuleType:
    try:
        file = Path(_PLACED.get(path, path)).expanduser().resolve()
        exists = file.is_file()
    except (OSError, ValueError, RuntimeError) as error:  # a name that no system allows, a link to itself, no such user
        raise UserCodeError(line(error)) from None
    if not exists:
        raise UserCodeError(f"there is no file {line(path)}")
    with _failing(f"running {line(path)} fails"):
        text = file.read_bytes()
        beside = imported_beside(file, file.parent)
        digest = _digest({file: text, **beside})
        before = _LOADED.get(str(file))
        if before is not None and before[0] == digest:
            return before[1]
        name = f"rrm_file_{hashlib.sha256(f'{file} {digest}'.encode()).hexdigest()[:12]}"
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        with _anew(_gone(beside, file.parent, edited=before is not None), beside), _first_on_path(file.parent):
            sys.modules[name] = module
            exec(compile(text, str(file), "exec", dont_inherit=True), vars(module))  # the text that was read
    _LOADED[str(file)] = digest, module
    return module


def _load_module(name: str) -> ModuleType:
    with _failing(f"importing {line(name)} fails"):
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
    except BaseException as error:  # whatever a user's code raises while it is loaded
        if not is_raised_by_user(error):
            raise
        raise UserCodeError(f"{text}: {failure(error)}") from error


def _gone(files: Collection[Path], root: Path, edited: bool) -> list[str]:
    """The names of modules to import again: those of these files, if one was edited; and the user's own modules of the
    same names in other places."""
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
    """The Python files that a file imports, itself left out, and those that these import: their content by path.

    Args:
        file: the file.
        root: the folder under which they are looked for.
    """
    sources: dict[Path, bytes] = {}
    left = [file]
    while left:
        for path in _imported(left.pop(), root):
            if path != file and path not in sources:
                sources[path] = path.read_bytes()
                left.append(path)
    return sources


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
    """The files of a dotted name: of its packages, and of the module.

    Args:
        home: the folder in which they are looked for.
        parts: of the name.
    """
    for depth in range(1, len(parts) + 1):
        for path in (home.joinpath(*parts[:depth], "__init__.py"), home.joinpath(*parts[:depth]).with_suffix(".py")):
            if path.is_file() and is_theirs(str(path)):
                yield path.resolve()

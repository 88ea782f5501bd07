"""The code of functions: its names, and its text."""

from __future__ import annotations

import dis
import importlib.util
import inspect
import linecache
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

from rrm.envs.user_code import files_of, imported_beside
from rrm.envs.user_errors import is_theirs


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code of a function, and of those within it.

    Args:
        code: of a function.
    """
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def names(code: CodeType, only: str | None = None) -> set[str]:
    """All names in the code of a function, or those of one kind of instruction.

    Args:
        code: of a function.
        only: the name of an instruction, such as ``LOAD_GLOBAL``; None: all.
    """
    if only is None:
        return {name for each in _codes(code) for name in each.co_names}
    steps = (step for each in _codes(code) for step in dis.get_instructions(each))
    return {str(step.argval) for step in steps if step.opname == only}


@cache
def text(code: CodeType, file: str) -> str:
    """The code of a function: its text, if the file is still what was loaded; else its compiled instructions.

    Args:
        code: of a function.
        file: the path that it was loaded from.
    """
    linecache.checkcache(file)
    lines = linecache.getlines(file)
    if code.co_name != "<lambda>" and code in _compiled("".join(lines), file):  # of several lambdas in a line, which?
        return "".join(inspect.getblock(lines[code.co_firstlineno - 1 :]))
    return repr(_instructions(code))


@lru_cache
def _compiled(text: str, file: str) -> frozenset[CodeType]:
    try:
        return frozenset(_codes(compile(text, file, "exec", dont_inherit=True)))
    except (SyntaxError, ValueError, RecursionError):  # it has been edited since, or is no file
        return frozenset()


def _instructions(code: CodeType) -> list[Any]:
    """The instructions of a function, without positions in its file."""
    constants = [_instructions(each) if isinstance(each, CodeType) else _constant(each) for each in code.co_consts]
    return [code.co_code, code.co_names, code.co_varnames, constants]


def _constant(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value  # its order is another in each process


def texts_of_module(name: str) -> Iterator[str]:
    """The text of a module of the user's own, and of what it imports that lies beside it. It is not imported.

    Args:
        name: dotted, as it would be imported.
    """
    with suppress(ImportError, ValueError, AttributeError):
        spec = importlib.util.find_spec(name.partition(".")[0])
        if spec is not None and spec.origin is not None and is_theirs(spec.origin):
            top = Path(spec.origin).resolve()
            root = top.parents[1] if top.name == "__init__.py" else top.parent
            files = {top: top.read_bytes(), **imported_beside(top, root)}
            for path in files_of(root, name.split(".")):
                files |= {path: path.read_bytes(), **imported_beside(path, root)}
            yield from (content.decode(errors="replace") for _, content in sorted(files.items()))

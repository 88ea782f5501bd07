"""Errors of a user's code: whether the code is the user's, what it raised, and where."""

from __future__ import annotations

import contextlib
import dis
import importlib.util
import os
import sys
import sysconfig
import traceback
from functools import cache


@cache
def _not_theirs() -> tuple[str, ...]:
    """The folders of Python, of what is installed, and of this package."""
    places = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    for name in ("rrm", "rrm.agents", "rrm.envs"):  # found and not imported: imports go one way
        spec = importlib.util.find_spec(name)
        places += (spec.submodule_search_locations or ()) if spec else ()
    return tuple({f"{folder}{os.sep}" for each in places for folder in (each, os.path.realpath(each))})


@cache
def is_theirs(file: str) -> bool:
    """Whether a file of code is the user's own: neither Python's, nor installed, nor this package's.

    Args:
        file: its path.
    """
    installed = f"{os.sep}site-packages{os.sep}" in file  # of another environment that a .pth file adds, too
    return not (installed or file.startswith("<frozen ") or os.path.realpath(file).startswith(_not_theirs()))


def is_own(module: object) -> bool:
    """Whether a module is the user's own.

    Args:
        module: its name; None: the main program.
    """
    if not isinstance(module, str | None):  # some classes of C have a descriptor of that name
        return False
    top = (module or "__main__").partition(".")[0]
    if top == "rrm" or (top in sys.stdlib_module_names and top != "__main__"):
        return False
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    return top == "__main__" or file is None or is_theirs(file)


def is_raised_by_user(error: BaseException) -> bool:
    """Whether an error is the doing of the code that was called, and not a Ctrl-C or the end of a generator of ours.

    Args:
        error: that was caught.
    """
    if not isinstance(error, KeyboardInterrupt | GeneratorExit):
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    code = trace.tb_frame.f_code  # what Python itself raises arises at instructions of other kinds
    return is_theirs(code.co_filename) and code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def line(value: object) -> str:
    """Any text on one line, not too long, with control characters escaped: it may come from a file of anybody's.

    Args:
        value: any.
    """
    text = " ".join(str(value).split())
    text = text if len(text) <= 240 else f"{text[:237]}..."
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def raised(error: BaseException) -> str:
    """An error on one line. For an error without a text (a bare ``assert``), the line of code.

    Args:
        error: that was caught.
    """
    try:
        message = line(error)
    except Exception:  # of its own __str__
        message = ""
    if not message and (frames := traceback.extract_tb(error.__traceback__)):
        message = line(frames[-1].line or "")
    return f"{line(type(error).__name__)}{': ' if message else ''}{message}"


def place_of(error: BaseException) -> str | None:
    """The line of the user's own code in which an error arose, if it was in such: 'judges.py, line 3'.

    Args:
        error: that was caught.
    """
    place, trace = None, error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if is_theirs(file):
            place = f"{line(_shortest(file))}, line {trace.tb_lineno}"
        trace = trace.tb_next
    if place is None and error.__cause__ is not None:  # a StopIteration that was raised in a generator
        return place_of(error.__cause__)
    return place


def their_files(error: BaseException) -> set[str]:
    """The files of the user's own code through which an error has come.

    Args:
        error: that was caught.
    """
    frames = traceback.walk_tb(error.__traceback__)
    return {file for frame, _ in frames if is_theirs(file := frame.f_code.co_filename)}


def failure(error: BaseException) -> str:
    """The error that the user's code raised, with file and line: 'KeyError: 3, at judges.py, line 3'.

    Args:
        error: that was caught.
    """
    where = place_of(error)
    return f"{raised(error)}{f', at {where}' if where else ''}"


def _shortest(file: str) -> str:
    """A path from the present directory on, if that leads down."""
    with contextlib.suppress(ValueError):  # another drive
        relative = os.path.relpath(file)
        return file if relative.startswith(os.pardir) else relative
    return file

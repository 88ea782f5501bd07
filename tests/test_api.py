"""The reference of the Python API: complete, and each of its docstrings says what goes in and what comes out."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import rrm
import rrm.envs
from rrm import errors, protocols
from rrm.protocols import METRICS
from rrm.report.schema import RoundResult
from tests.test_packaging import ROOT

REFERENCE = ROOT / "docs" / "reference"
PAGE = (REFERENCE / "api.md").read_text(encoding="utf-8")
NAMES = re.findall(r"^\.\. auto(?:function|class|exception):: (\S+)", PAGE, re.M)
NAMES += [
    f"{module}.{name.strip()}"
    for module, members in re.findall(r"^\.\. automodule:: (\S+)\n   :members: (.*)", PAGE, re.M)
    for name in members.split(",")
]


def named(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def documented(name: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions and methods of an entry that have parameters, and a docstring of their own."""
    entry = named(name)
    if inspect.isfunction(entry):
        yield name, entry
        return
    for key, value in vars(entry).items():
        method = getattr(value, "__func__", value)
        if inspect.isfunction(method) and not key.startswith("_"):
            yield f"{name}.{key}", method
        elif key == "__init__" and f"{name}.{key}" not in MADE_BY_ITS_KIND:
            init: Any = lambda: None  # noqa: E731  # the docstring of a class says what its constructor takes
            init.__doc__, init.__signature__ = entry.__doc__, inspect.signature(method)
            yield name, init


MADE_BY_ITS_KIND = {
    f"{name}.__init__"
    for name in NAMES
    if inspect.isclass(named(name))
    and (hasattr(named(name), "__dataclass_fields__") or getattr(named(name), "_is_protocol", False))
}
"""Constructors of dataclasses and protocols: their fields are documented one by one."""


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_documented(name: str) -> None:
    assert (named(name).__doc__ or "").strip(), "has no docstring"
    for path, function in documented(name):
        parameters = [each for each in inspect.signature(function).parameters if each not in ("self", "cls")]
        text = function.__doc__ or ""
        if any(hasattr(base, path.rpartition(".")[2]) for base in getattr(named(name), "__mro__", ())[1:]):
            continue  # it fulfils a contract, and is documented where the contract is
        missing = [each for each in parameters if not re.search(rf"^ +\*{{0,2}}{each}: ", text, re.M)]
        assert text.strip() and not missing, f"{path}: no docstring, or no entry in Args for {', '.join(missing)}"


def test_the_public_face_is_on_the_page() -> None:
    public = {f"rrm.{name}" for name in rrm.__all__}
    public |= {f"rrm.envs.{name}" for name in rrm.envs.__all__}
    public |= {
        f"rrm.protocols.{name}"
        for name, value in vars(protocols).items()
        if inspect.isclass(value) and value.__module__ == protocols.__name__
    }
    assert not public - {*NAMES}


def test_every_error_is_on_its_page() -> None:
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    kinds = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, errors.RRMError)]
    assert len(kinds) == 4
    for kind in kinds:
        assert f"| `rrm.{kind.__name__}` | {kind.exit_status} |" in page


def test_every_figure_has_a_meaning() -> None:
    assert all(METRICS.values()) and all(field.description for field in RoundResult.model_fields.values())

"""The reference of the Python API: complete, and each public docstring says what goes in and what comes out."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import rrm
import rrm.envs
from rrm import cli, errors, protocols
from rrm.protocols import METRICS
from rrm.report.schema import RoundResult
from tests.test_packaging import MODULES, ROOT

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


# --- Args, Returns, Raises --------------------------------------------------------------------------------------------

IMPERATIVE = re.compile(
    "(Add|Answer|Apply|Ask|Begin|Build|Call|Check|Collect|Combine|Compare|Compute|Continue|Copy|Count|Create|Cut|Draw|"
    "Evaluate|Fill|Find|Fit|Follow|Go|Have|Import|Judge|Keep|Learn|Load|Make|Map|Merge|Move|Open|Parse|Play|Put|Read|"
    "Record|Register|Remove|Replace|Run|Save|Say|Score|Set|Show|Sort|Split|Start|Step|Store|Take|Train|Try|Turn|Update|"
    "Validate|Visit|Wait|Walk|Write)\\b"
)
"""First words that say what a function does, and not what it returns."""


IMPORTED = [name for name in MODULES if find_spec("ray") or not name.startswith("rrm.experiment.ray_")]
"""All modules; there is no Ray for the newest versions of Python."""

COMMANDS = [command.callback for command in cli.app.registered_commands]


class Public(NamedTuple):
    """A function, a method or a constructor whose name has no underscore, nor has its class's."""

    path: str
    function: Callable[..., Any]
    docstring: str
    home: type | None = None


@cache
def protocols_of_the_tree() -> dict[str, list[tuple[type, list[str]]]]:
    """The methods of all protocols, with their parameters."""
    methods = defaultdict(list)
    for module in map(importlib.import_module, IMPORTED):
        for kind in vars(module).values():
            if inspect.isclass(kind) and kind.__module__ == module.__name__ and getattr(kind, "_is_protocol", False):
                for name, method in vars(kind).items():
                    if inspect.isfunction(method):
                        methods[name].append((kind, parameters(method)))
    return methods


def parameters(function: Callable[..., Any]) -> list[str]:
    # Ray adds a `_ray_trace_ctx` to the methods of its actors once one has been started.
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls", "_ray_trace_ctx")]


def fulfils_a_contract(each: Public) -> bool:
    """Whether a method overrides one, or is one of a protocol, with the same parameters: that one is documented."""
    name = each.path.rpartition(".")[2]
    if each.home is None or name == "__init__":
        return False
    overrides = any(name in vars(base) for base in each.home.__mro__[1:])
    contracts = protocols_of_the_tree().get(name, [])
    return overrides or any(kind is not each.home and of == parameters(each.function) for kind, of in contracts)


def public(name: str) -> Iterator[Public]:
    """What is public in a module. Properties have no parameters, and Pydantic calls the validators of its models."""
    module = importlib.import_module(name)
    for key, value in list(vars(module).items()):
        if key.startswith("_") or getattr(value, "__module__", None) != name:
            continue
        if inspect.isfunction(function := inspect.unwrap(value)):
            yield Public(f"{name}.{key}", function, function.__doc__ or "")
        elif inspect.isclass(value):
            yield from methods(f"{name}.{key}", value)


def methods(path: str, kind: type) -> Iterator[Public]:
    fields = hasattr(kind, "__dataclass_fields__") or getattr(kind, "_is_protocol", False)  # documented one by one
    decorators = vars(kind).get("__pydantic_decorators__")
    validators = {name for each in getattr(decorators, "__slots__", ()) for name in getattr(decorators, each)}
    for key, value in vars(kind).items():
        method = inspect.unwrap(getattr(value, "__func__", value))
        if not inspect.isfunction(method) or method.__module__ != kind.__module__:
            continue
        if key == "__init__" and not fields and not hasattr(kind, "model_fields"):
            yield Public(f"{path}.{key}", method, kind.__doc__ or "", kind)
        elif not key.startswith("_") and key not in validators:
            yield Public(f"{path}.{key}", method, method.__doc__ or "", kind)


@cache
def nodes(file: str) -> dict[int, ast.AST]:
    """The functions of a file, by the lines on which they begin."""
    tree = ast.walk(ast.parse(Path(file).read_text(encoding="utf-8")))
    functions = (node for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {min(each.lineno for each in (node, *node.decorator_list)): node for node in functions}


def raised(node: ast.AST) -> Iterator[str]:
    """The errors that a function raises itself, but for those that it, or a context manager, may catch or turn into
    others."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Raise) and isinstance(child.exc, ast.Call):
            kind = ast.unparse(child.exc.func).rpartition(".")[2]
            if kind[0].isupper() and kind != "NotImplementedError":
                yield kind
        elif isinstance(child, ast.Try):
            for part in (*child.handlers, *child.orelse, *child.finalbody):
                yield from raised(part)
        elif not isinstance(child, ast.With | ast.FunctionDef | ast.Lambda):
            yield from raised(child)


def missing(each: Public) -> list[str]:
    """What a docstring lacks.

    - A docstring: all need one, but methods that fulfil a contract.
    - In ``Args``, an entry for each parameter. ``*args`` of a constructor are those of its base class.
    - ``Returns``, or ``Yields``, where there is a result, unless the first sentence says what it is.
    - In ``Raises``, an entry for each error that the function itself raises.

    Of a command of ``rrm``, the help says all that.
    """
    if fulfils_a_contract(each) or each.function in COMMANDS:
        return []
    if not each.docstring.strip():
        return ["docstring"]
    signature, text = inspect.signature(each.function), each.docstring
    passed_on = {
        name for name, one in signature.parameters.items() if "VAR_" in one.kind.name and each.path.endswith("__init__")
    }
    names = [name for name in parameters(each.function) if name not in passed_on]
    lacks = [f"Args: {name}" for name in names if not re.search(rf"^ +\*{{0,2}}{name}: ", text, re.M)]
    has_result = signature.return_annotation not in ("None", None, signature.empty, "NoReturn", "Iterator[None]")
    if has_result and names and IMPERATIVE.match(text.split(maxsplit=1)[0]) and not re.search("(Return|Yield)s:", text):
        lacks.append("Returns")
    code = each.function.__code__
    kinds = {*raised(nodes(code.co_filename)[code.co_firstlineno])} if not each.path.endswith("__init__") else set()
    return lacks + [f"Raises: {kind}" for kind in sorted(kinds) if not re.search(rf"^ +[\w.]*{kind}: ", text, re.M)]


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_has_a_docstring(name: str) -> None:
    assert (named(name).__doc__ or "").strip()


@pytest.mark.parametrize("name", IMPORTED)
def test_docstrings_are_complete(name: str) -> None:
    assert not [f"{each.path}: {', '.join(lacks)}" for each in public(name) if (lacks := missing(each))]


def of_scores(scores: list[float], *, least: float) -> float:
    if not scores:
        raise ValueError("scores")
    return max(*scores, least)


@pytest.mark.parametrize(
    ("docstring", "lacks"),
    [
        ("", ["docstring"]),
        ("The highest of scores.", ["Args: scores", "Args: least", "Raises: ValueError"]),
        ("The highest.\n    scores: all.\n    least: at least.\n    ValueError: none.", []),
        ("Find it.\n    scores: all.\n    least: at least.\n    ValueError: none.", ["Returns"]),
    ],
)
def test_what_is_missing_is_found(docstring: str, lacks: list[str]) -> None:
    assert missing(Public("rrm.of_scores", of_scores, docstring)) == lacks


# --- The pages --------------------------------------------------------------------------------------------------------


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

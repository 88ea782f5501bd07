"""Imports point one way: between the folders of rrm/, and between all modules. Nothing imports the public face."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tests.test_packaging import MODULES


def folder(module: str) -> str:
    """The part of the house that a module belongs to: 'rrm.distill', or 'rrm.iterate'; the public face is 'rrm'."""
    return ".".join(module.split(".")[:2])


def imported(path: Path) -> Iterator[str]:
    """The modules of ours that a module imports, also within functions; not those that types alone need."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checking = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    ]
    for_types = {id(each) for node in checking for each in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else node.module for name in full)


MODULE_GRAPH = {name: set(imported(path)) - {name} for name, path in MODULES.items()}


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """A circle of the graph; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_the_modules_are_found() -> None:
    assert "rrm.rounds.plan" in MODULE_GRAPH["rrm.iterate"] | MODULE_GRAPH["rrm.experiment.run"]
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


def test_there_is_no_circle_of_modules() -> None:
    assert circle(MODULE_GRAPH) == []


def test_there_is_no_circle_of_folders() -> None:
    graph: dict[str, set[str]] = {}
    for module, names in MODULE_GRAPH.items():
        graph.setdefault(folder(module), set()).update(map(folder, names))
    assert circle({name: others - {name} for name, others in graph.items()}) == []


def test_only_the_command_line_imports_the_public_face() -> None:
    assert {module for module, names in MODULE_GRAPH.items() if "rrm" in names} <= {"rrm.cli"}

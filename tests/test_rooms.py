"""No file and no class of rrm/, agents/ and envs/ is long without a reason, given by a comment near its top."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.test_packaging import MODULES

MOST_LINES = {"file": 300, "class": 200}
REASON = "# Long because: "
NEAR = 10
"""Lines from the top of a file, or of a class, within which the reason stands."""


def excused(lines: list[str]) -> bool:
    """Whether a reason, not an empty one, is given within the first lines."""
    return any(line.strip().removeprefix(REASON) not in (line.strip(), "") for line in lines[:NEAR])


def too_long(text: str) -> Iterator[str]:
    """What is too long in a module, without a reason: 'file: 301 lines', 'class A: 201 lines'."""
    lines = text.splitlines()
    if len(lines) > MOST_LINES["file"] and not excused(lines):
        yield f"file: {len(lines)} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            own = lines[node.lineno - 1 : node.end_lineno]
            if len(own) > MOST_LINES["class"] and not excused(own):
                yield f"class {node.name}: {len(own)} lines"


def module(lines: int, first: str = "import os") -> str:
    return "\n".join([first, *["x = 1"] * (lines - 1)])


def made(lines: int, first: str = "x = 1") -> str:
    return "\n".join(["class A:", f"    {first}", *["    x = 1"] * (lines - 2)])


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (module(300), []),
        (module(301), ["file: 301 lines"]),
        (module(301, f"{REASON}it is one table."), []),
        (module(301, REASON), ["file: 301 lines"]),
        (module(300, "") + f"\n{REASON}too late", ["file: 301 lines"]),
        (made(200), []),
        (made(201), ["class A: 201 lines"]),
        (made(201, f"{REASON}one contract."), []),
        (f"{REASON}the file.\n{made(201)}", ["class A: 201 lines"]),
    ],
)
def test_what_is_too_long_is_told(text: str, messages: list[str]) -> None:
    assert list(too_long(text)) == messages


@pytest.mark.parametrize("name", MODULES)
def test_it_is_short(name: str) -> None:
    assert list(too_long(MODULES[name].read_text(encoding="utf-8"))) == []


def test_the_files_are_found() -> None:
    assert {"rrm", "rrm.cli", "rrm.report.build", "rrm.agents.agent", "rrm.envs.world"} <= MODULES.keys()

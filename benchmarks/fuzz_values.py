"""Values of all kinds, for ``benchmarks.fuzz``: what may stand in a configuration, or be answered by an evaluator."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NAMES = (
    '" onmouseover="alert(1)',
    "../../ESC",
    "/abs",
    r"$\frac{1}{0$",
    "[red]x[/red]",
    "[link=file:///x]y[/link]",
    "a|b\nc",
    "x" * 300,
    "\u202eab",
    "\udc80",
    "a\0b",
    "\x1b[31mred",
    "<script>alert(1)</script>",
    "*a*",
    "",
    " ",
    ".",
    "..",
    "-x",
    "_" * 100,
    "conditions",
    "unaided",
    "__class__",
    "ünïcödé",
    "a.b",
    "=",
    "{",
    "&a",
    "*b",
    "!!python/object:os.system x",
)


def deep(levels: int, of: Any = "bounded") -> Any:
    """An evaluator within so many others."""
    for _ in range(levels):
        of = {"of": of}
    return of


def nested(levels: int) -> Any:
    """A list within so many others."""
    inner: Any = []
    for _ in range(levels):
        inner = [inner]
    return inner


def _laughs() -> Any:
    """A small mapping that is 10^9 values when it is written out."""
    inner: Any = {"x": 1}
    for _ in range(9):
        inner = dict.fromkeys("abcdefghij", inner)
    return inner


def cyclic() -> Any:
    """A mapping that holds itself."""
    inner: Any = {}
    inner["of"] = inner
    return inner


class Unspeakable:
    """An object that cannot even be written in a message."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __call__(self, clip: Any) -> float:
        return 0.0


MAKERS: tuple[Callable[[], Any], ...] = (
    *(
        (lambda each=each: each)
        for each in (
            None,
            True,
            False,
            0,
            1,
            -1,
            3,
            10**6,
            10**9,
            10**13,
            10**400,
            -(10**5000),
            0.5,
            -0.0,
            1e308,
            5e-324,
            math.nan,
            math.inf,
            -math.inf,
            1e300,
            b"bytes",
            3 + 4j,
            "bounded",
            "teacher",
            "none",
            "trained",
            "true",
            "scores",
            "comparisons",
            "rrm/TidyRooms-v0",
            "rrm/AuditTree-v0",
            "CartPole-v1",
            "nosuch:Env-v0",
            "/dev/zero",
            "no.py:judge",
            "~nobody/x.py:judge",
            "sys:exit",
            "this_is_no_module:x",
            ":",
            "a:",
            ":b",
            "a\0.py:x",
            "fifo",
            "folder",
            "big.npz",
            "1e5",
            "0x10",
            "x" * 10**6,
            object,
            len,
            Unspeakable(),
            *NAMES,
        )
    ),
    list,
    dict,
    lambda: [None],
    lambda: [1, 2],
    lambda: [64, 64],
    lambda: [-1],
    lambda: [0, 0],
    lambda: ["a"],
    lambda: (1,),
    lambda: {"a": 1},
    lambda: {1: 2},
    lambda: {None: None},
    lambda: {(1, 2): 3},
    lambda: {"labels": 3},
    lambda: {"steps": 9000},
    lambda: {"discount": 0.5},
    lambda: {"window": 3},
    lambda: {"name": "bounded"},
    lambda: {"name": "teacher", "beta": 1},
    lambda: {"name": "teacher", "preset": []},
    lambda: {"of": "bounded", "noise": 1},
    lambda: {"of": "bounded", "noise": "x"},
    lambda: {"of": "bounded", "fields": 3},
    lambda: {"of": "bounded", "bias": 3},
    lambda: {"of": "bounded", "bias": {"a": 1}},
    lambda: {"of": "bounded", "bias": {3: 1}},
    lambda: {"of": None},
    lambda: {"of": "bounded", "fields": [[]]},
    lambda: {"of": "bounded", "timeout": 1e400},
    lambda: {"timeout": 1},
    lambda: {"of": "bounded", "timeout": 10**400},
    lambda: {"of": "bounded", "drift": 10**400},
    lambda: {"of": "bounded", "world": 1},
    lambda: {"of": "bounded", 3: 4},
    lambda: {"committee": []},
    lambda: {"committee": ["bounded"] * 3, "by": "veto"},
    lambda: {"committee": ["bounded"], "by": []},
    lambda: {"committee": "bounded"},
    lambda: {"committee": ["bounded"] * 10**6},
    lambda: {"committee": [3, None]},
    lambda: {"name": "bounded", "of": "bounded"},
    lambda: {"name": {"name": "bounded"}},
    lambda: {"name": []},
    lambda: deep(5),
    lambda: deep(300),
    lambda: deep(100_000),
    lambda: nested(300),
    lambda: nested(100_000),
    _laughs,
    cyclic,
    lambda: list(range(300_000)),
    lambda: [10**400],
    lambda: [10**10] * 3,
    lambda: [1e400],
    lambda: "\n" * 1000,
    lambda: {str(i): i for i in range(100_000)},
    lambda: np.zeros(3),
    lambda: np.float64("nan"),
    lambda: np.int64(5),
    lambda: {1, 2},
    lambda: (x for x in "ab"),
    lambda: lambda clip: 0.0,
    lambda: lambda a, b, c: 0.0,
    lambda: Path("/dev/zero"),
    lambda: datetime.date(2026, 1, 1),
    lambda: _cells(10**9),
    lambda: _cells(-1),
    lambda: {"length": 10**400},
    lambda: {"world": "os:system"},
    lambda: {"max_episode_steps": 10**12},
    lambda: {"n": 3},
    lambda: {"env": 1},
)
"""Values, each made anew."""


def _cells(n: int) -> Any:
    return {"cells": n, "size": n, "leaves": n, "rooms": n}

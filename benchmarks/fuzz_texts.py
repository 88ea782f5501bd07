"""Configurations, their keys, and values as they are typed, for ``benchmarks.fuzz``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from benchmarks.fuzz_values import MAKERS, deep
from rrm.config.load import load
from rrm.config.reading import read
from rrm.text import short

BASES: tuple[dict[str, Any], ...] = (
    *map(read, ("tidy_rooms", "cartpole", "committee", "fork", "pendulum")),
    {"env": "rrm/TidyRooms-v0"},
)


def _paths(tree: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a configuration, sections included."""
    for key, value in tree.items():
        yield (*above, key)
        if isinstance(value, dict) and value:
            yield from _paths(value, (*above, key))


PATHS = sorted(
    path
    for path in {path for base in BASES[:2] for path in _paths(load(base).model_dump())}
    if path[0] != "conditions" or path[1:2] == ("unaided",)
)

RIGHT: tuple[tuple[str, Callable[[], Any]], ...] = (
    ("seeds", lambda: 2),
    ("seeds", lambda: [5, 10**9]),
    ("task", lambda: {"labels": 200}),
    ("task", lambda: {"sticky_actions": 0.5}),
    ("horizon", lambda: {"window": 3}),
    ("horizon", lambda: {"discount": 1}),
    ("distill", lambda: {"judging": "lower"}),
    ("episodes", lambda: 1e3),
    ("reward", lambda: "broad"),
    ("learner", lambda: {"learning_rate": "lin_1e-3"}),
    ("learner", lambda: {"net_arch": [8]}),
    ("depth", lambda: 0),
    ("evaluator", lambda: deep(3)),
    ("evaluator", lambda: {"name": "teacher", "beta": 2}),
    ("evaluator", lambda: lambda clip: 0.0),
    ("evaluator", lambda: {"committee": ["bounded", deep(1)], "by": "veto"}),
    ("experiment", lambda: "a" * 100),
    ("workers", lambda: 1),
    ("distill", lambda: {"ensemble_size": 5}),
    ("distill", lambda: {"network": "whole"}),
    ("unaided", lambda: "ideal"),
    ("budget", lambda: {"labels": 10**9}),
    ("conditions", lambda: {"a": {"reward": "broad"}, "b": None}),
    ("amplify", lambda: {"start_states": "world"}),
)
"""Values that are right where they stand, in most worlds."""


def _texts() -> tuple[str, ...]:
    """Values as they are typed, right and wrong."""
    texts = []
    for make in MAKERS:
        value = make()
        if isinstance(value, str):
            texts.append(value)
        elif len(short(value)) < 80:  # the large ones are below
            with contextlib.suppress(yaml.YAMLError, RecursionError, ValueError):
                text = yaml.safe_dump(value, default_flow_style=True, width=10**9)
                texts.append(text.removesuffix("\n...\n").strip("\n"))
    bombs = "{" + ", ".join(
        f"{b}: &{b} [{', '.join(['*' + a] * 10)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    merged = (
        "{a: &a {x: 1}, "
        + ", ".join(
            f"{b}: &{b} {{<<: [{', '.join(['*' + a] * 10)}]}}" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "}"
    )
    more = (
        bombs.replace("{b:", "{a: &a [1], b:") + "}",
        merged,
        "[" * 300,
        "[" * 50_000,
        "{a: " * 300,
        "- " * 5000,
        "1e400",
        "-1e400",
        ".nan",
        "9" * 900,
        "9" * 5000,
        "1_0",
        "0o17",
        "!!binary aGk=",
        "!!set {a}",
        "!!timestamp 2026-01-01",
        "!!python/name:os.system",
        "!!float x",
        "!!int x",
        "!!int ''",
        "!!bool x",
        "!!map [1]",
        "!!omap [a]",
        "!!pairs [a]",
        "&a [*a]",
        "*a",
        "{[1]: 2}",
        "{{}: 2}",
        "? [1]\n: 2",
        "{a: 1, a: 2}",
        "<<: 3",
        "{<<: 3}",
        "{<<: [3]}",
        "%YAML 9.9\n--- 1",
        "--- 1\n--- 2",
        "\t- a",
        "'",
        '"',
        "|",
        ">",
        "@",
        "`",
        "\x07",
        "\ufeff1",
        f"[{', '.join(map(str, range(300_000)))}]",
        f"{{committee: [{'bounded, ' * 9000}]}}",
        "{of: " * 300 + "bounded" + "}" * 300,
        "\ud800",
        "null",
        "~",
        "",
        "[1, 2",
        "a: b: c",
        "\U0001f600",
        "[" + "1," * 20_000 + "]",
    )
    return tuple(dict.fromkeys([*texts, *more]))


TEXTS = _texts()

"""Cases of ``benchmarks.fuzz``: configurations, overrides, files, suites and command lines."""

from __future__ import annotations

import copy
import io
import json
import os
import random
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from benchmarks.fuzz_case import LONGEST, Case, Failure, Kind, attempt, generator
from benchmarks.fuzz_texts import BASES, PATHS, RIGHT, TEXTS
from benchmarks.fuzz_values import MAKERS, NAMES
from rrm.cli import main as command_line
from rrm.config.load import load
from rrm.config.reading import read
from rrm.config.schema import Experiment
from rrm.experiment.suite import read_suite
from rrm.rounds.plan import plan


def _planned(experiment: Experiment) -> Experiment:
    """What `rrm run` does before it trains; what was accepted can be written and read again."""
    written = json.loads(json.dumps(experiment.model_dump(mode="json"), allow_nan=False))
    for condition in experiment.conditions.values():
        assert plan(condition, experiment.seeds[-1]).name
    named = all(
        isinstance(each.evaluator, str) and isinstance(each.env, str) for each in experiment.conditions.values()
    )
    if named and load(written) != experiment:
        raise Failure("is another experiment when it is read again")
    return experiment


def _put(tree: Any, path: Sequence[str], value: Any) -> None:
    for key in path[:-1]:
        below = tree.get(key)
        if not isinstance(below, dict):
            below = tree[key] = {}
        tree = below
    tree[path[-1]] = value


def _mapping(number: int, seed: int) -> Case:
    """The first ones: each value at each key. The others: a few values at random keys, keys renamed, keys gone."""
    if number < len(PATHS) * len(MAKERS):
        path, make = PATHS[number // len(MAKERS)], MAKERS[number % len(MAKERS)]
        changes: list[tuple[tuple[str, ...], Any]] = [(path, make())]
        base = BASES[0] if path[0] == "conditions" else BASES[number % 2 * 5]
    else:
        rng = generator("mapping", number, seed)
        base, changes = rng.choice(BASES), []
        for _ in range(rng.randint(1, 4)):
            path = rng.choice(PATHS)
            if rng.random() < 0.3:
                path = (*path[:-1], rng.choice([*NAMES, *(p[-1] for p in PATHS)]))
            key, right = rng.choice(RIGHT)
            changes.append((path, rng.choice(MAKERS)()) if rng.random() < 0.3 else ((key,), right()))
    tree = copy.deepcopy(base)
    for where, value in changes:
        _put(tree, where, value)
    return lambda: attempt(lambda: _planned(load(tree)))


def _settings(number: int, seed: int) -> Case:
    """The same as keywords from Python."""
    rng = generator("settings", number, seed)
    base = rng.choice(BASES)
    given = {rng.choice(PATHS)[0]: rng.choice(MAKERS)()} if rng.random() < 0.5 else {}
    for key, right in rng.sample(RIGHT, rng.randint(0, 2)):
        given[key] = right()
    return lambda: attempt(lambda: _planned(load(base, **given)))


def _overrides(number: int, seed: int) -> tuple[Any, list[str]]:
    rng = generator("override", number, seed)
    if number < len(PATHS) * len(TEXTS):
        return BASES[0], [f"{'.'.join(PATHS[number // len(TEXTS)])}={TEXTS[number % len(TEXTS)]}"]
    overrides = []
    for _ in range(rng.randint(1, 3)):
        path = list(rng.choice(PATHS))
        if rng.random() < 0.4:
            path[rng.randrange(len(path))] = rng.choice(NAMES)
        text = f"{'.'.join(path)}={rng.choice(TEXTS)}"
        overrides.append(_damaged(text, rng) if rng.random() < 0.3 else text)
    return rng.choice(BASES), overrides


def _override(number: int, seed: int) -> Case:
    base, overrides = _overrides(number, seed)
    return lambda: attempt(lambda: _planned(load(base, overrides)))


def _damaged(text: str, rng: random.Random) -> str:
    """A text with a few characters changed, or cut, or doubled, or with something hostile in it."""
    for _ in range(rng.randint(1, 6)):
        i = rng.randrange(len(text) + 1)
        j = min(len(text), i + rng.randint(0, 20))
        put = rng.choice(
            ["", text[i:j] * 2, chr(rng.randrange(0x250)), rng.choice(NAMES), rng.choice(TEXTS), "\n", "  ", ":"]
        )
        text = text[:i] + put + text[j:]
    return text


PRESETS = [
    (Path(__file__).parents[1] / "configs" / f"{name}.yaml").read_text(encoding="utf-8")
    for name in ("tidy_rooms", "cartpole", "committee", "fork", "suite", "narrow_vs_broad")
]


def _files(home: Path) -> Kind:
    """Files, whole and damaged, and what is no file."""
    if not os.path.lexists(home / "fifo"):
        os.mkfifo(home / "fifo")
        (home / "folder").mkdir()
        (home / "loop").symlink_to("loop")
        (home / "zero.yaml").symlink_to("/dev/zero")
    with (home / "large.yaml").open("wb") as file:
        file.truncate(10**12)
    with (home / "big.npz").open("wb") as file:
        file.truncate(10**12)
    odd = (
        "fifo",
        "folder",
        "loop",
        "zero.yaml",
        "large.yaml",
        "/dev/zero",
        "/dev/stdin",
        "x" * 300,
        "a\0b",
        "\udc80.yaml",
        "",
        "/proc/self/mem",
    )

    def make(number: int, seed: int) -> Case:
        if number < len(odd):
            return lambda: attempt(lambda: load(odd[number]))
        rng = generator("yaml", number, seed)
        content = _damaged(rng.choice(PRESETS), rng).encode("utf-8", "surrogatepass")
        if rng.random() < 0.1:
            i = rng.randrange(len(content))
            content = content[:i] + rng.randbytes(3) + content[i:]
        path = home / f"{rng.choice(['case', 'x' * 120, 'a b', 'ü'])}.yaml"

        def case() -> str:
            path.write_bytes(content)
            return attempt(
                lambda: list(map(_planned, suite.experiments if (suite := read_suite(path)) else [load(path)]))
            )

        return case

    return make


SUITES = (read("suite"), read("narrow_vs_broad"))


def _suite(number: int, seed: int) -> Case:
    rng = generator("suite", number, seed)
    tree = copy.deepcopy(rng.choice(SUITES))
    for key, right in rng.sample(RIGHT, rng.randint(0, 1)):
        tree[key] = right()
    for _ in range(rng.randint(0, 2)):
        key = rng.choice(["suite", "seeds", "conditions", "experiment", "unaided", "oracle", "env", rng.choice(NAMES)])
        tree[key] = rng.choice(
            [rng.choice(MAKERS)(), [rng.choice(MAKERS)()], {rng.choice(NAMES): rng.choice(MAKERS)()}]
        )
    overrides = [f"{rng.choice(['env', 'evaluator', 'seeds', 'task.labels'])}={rng.choice(TEXTS)}"] * rng.randint(0, 1)

    def case() -> str:
        return attempt(lambda: list(map(_planned, suite.experiments if (suite := read_suite(tree, overrides)) else [])))

    return case


def _command_line(home: Path) -> Kind:
    """What is typed. ``budget.steps=1`` refuses whatever is right, so that nothing is trained."""

    def make(number: int, seed: int) -> Case:
        rng = generator("command", number, seed)
        base, overrides = _overrides(rng.randrange(10**6), seed)
        words = [
            "run",
            base.get("experiment", "tidy_rooms"),
            *overrides,
            "--folder",
            str(home / "runs"),
            "budget.steps=1",
        ]
        if rng.random() < 0.3:
            words[rng.randrange(len(words) - 1)] = rng.choice([*NAMES, *TEXTS])

        def case() -> str:
            out, errors = io.StringIO(), io.StringIO()
            with redirect_stdout(out), redirect_stderr(errors):
                status = command_line(words)
            text = errors.getvalue()
            one_line = text.count("\n") == 1 and text[:-1].isprintable() and len(text) <= LONGEST + 10
            if status not in (1, 2) or not one_line:
                raise Failure(f"exit status {status}, stderr {text[:200]!r}, stdout {out.getvalue()[:100]!r}")
            return "refused"

        return case

    return make


def kinds(home: Path) -> dict[str, tuple[Kind, int]]:
    """Of each kind how its cases are made, and how many."""
    return {
        "mapping": (_mapping, len(PATHS) * len(MAKERS) + 1000),
        "settings": (_settings, 1000),
        "override": (_override, len(PATHS) * len(TEXTS) + 1000),
        "yaml": (_files(home), 2000),
        "suite": (_suite, 500),
        "command": (_command_line(home), 500),
    }

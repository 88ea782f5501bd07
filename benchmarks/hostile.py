"""What ``benchmarks.fuzz`` generates of configurations, overrides, files, suites, command lines and answers."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import datetime
import io
import json
import math
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.fuzz_case import LONGEST, Case, Failure, Kind, attempt
from rrm.amplify.overseer import Overseer
from rrm.cli import main as command_line
from rrm.config.load import load
from rrm.config.reading import read
from rrm.config.schema import Experiment
from rrm.envs.adapters import make_world
from rrm.errors import EvaluatorError
from rrm.evaluators import Committee, Evaluator, Flawed, Function, Preference
from rrm.experiment.suite import read_suite
from rrm.feedback.clips import Clip, Pair, Recorder
from rrm.rounds.plan import plan
from rrm.streams import Streams
from rrm.text import short

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


def _deep(levels: int, of: Any = "bounded") -> Any:
    for _ in range(levels):
        of = {"of": of}
    return of


def _list(levels: int) -> Any:
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


def _cyclic() -> Any:
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
    lambda: _deep(5),
    lambda: _deep(300),
    lambda: _deep(100_000),
    lambda: _list(300),
    lambda: _list(100_000),
    _laughs,
    _cyclic,
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
    ("evaluator", lambda: _deep(3)),
    ("evaluator", lambda: {"name": "teacher", "beta": 2}),
    ("evaluator", lambda: lambda clip: 0.0),
    ("evaluator", lambda: {"committee": ["bounded", _deep(1)], "by": "veto"}),
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
    said = []
    for make in MAKERS:
        value = make()
        if isinstance(value, str):
            said.append(value)
        elif len(short(value)) < 80:  # the large ones are below
            with contextlib.suppress(yaml.YAMLError, RecursionError, ValueError):
                text = yaml.safe_dump(value, default_flow_style=True, width=10**9)
                said.append(text.removesuffix("\n...\n").strip("\n"))
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
    return tuple(dict.fromkeys([*said, *more]))


TEXTS = _texts()


def _rng(kind: str, number: int, seed: int) -> random.Random:
    return random.Random(f"{kind} {number} {seed}")


# --- Configurations ---------------------------------------------------------------------------------------------------


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
        rng = _rng("mapping", number, seed)
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
    rng = _rng("settings", number, seed)
    base = rng.choice(BASES)
    given = {rng.choice(PATHS)[0]: rng.choice(MAKERS)()} if rng.random() < 0.5 else {}
    for key, right in rng.sample(RIGHT, rng.randint(0, 2)):
        given[key] = right()
    return lambda: attempt(lambda: _planned(load(base, **given)))


def _overrides(number: int, seed: int) -> tuple[Any, list[str]]:
    rng = _rng("override", number, seed)
    if number < len(PATHS) * len(TEXTS):
        return BASES[0], [f"{'.'.join(PATHS[number // len(TEXTS)])}={TEXTS[number % len(TEXTS)]}"]
    said = []
    for _ in range(rng.randint(1, 3)):
        path = list(rng.choice(PATHS))
        if rng.random() < 0.4:
            path[rng.randrange(len(path))] = rng.choice(NAMES)
        text = f"{'.'.join(path)}={rng.choice(TEXTS)}"
        said.append(_damaged(text, rng) if rng.random() < 0.3 else text)
    return rng.choice(BASES), said


def _override(number: int, seed: int) -> Case:
    base, said = _overrides(number, seed)
    return lambda: attempt(lambda: _planned(load(base, said)))


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
        rng = _rng("yaml", number, seed)
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
    rng = _rng("suite", number, seed)
    tree = copy.deepcopy(rng.choice(SUITES))
    for key, right in rng.sample(RIGHT, rng.randint(0, 1)):
        tree[key] = right()
    for _ in range(rng.randint(0, 2)):
        key = rng.choice(["suite", "seeds", "conditions", "experiment", "unaided", "oracle", "env", rng.choice(NAMES)])
        tree[key] = rng.choice(
            [rng.choice(MAKERS)(), [rng.choice(MAKERS)()], {rng.choice(NAMES): rng.choice(MAKERS)()}]
        )
    said = [f"{rng.choice(['env', 'evaluator', 'seeds', 'task.labels'])}={rng.choice(TEXTS)}"] * rng.randint(0, 1)

    def case() -> str:
        return attempt(lambda: list(map(_planned, suite.experiments if (suite := read_suite(tree, said)) else [])))

    return case


def _command_line(home: Path) -> Kind:
    """What is typed. ``budget.steps=1`` refuses whatever is right, so that nothing is trained."""

    def make(number: int, seed: int) -> Case:
        rng = _rng("command", number, seed)
        base, said = _overrides(rng.randrange(10**6), seed)
        words = ["run", base.get("experiment", "tidy_rooms"), *said, "--folder", str(home / "runs"), "budget.steps=1"]
        if rng.random() < 0.3:
            words[rng.randrange(len(words) - 1)] = rng.choice([*NAMES, *TEXTS])

        def case() -> str:
            out, told = io.StringIO(), io.StringIO()
            with redirect_stdout(out), redirect_stderr(told):
                status = command_line(words)
            text = told.getvalue()
            one_line = text.count("\n") == 1 and text[:-1].isprintable() and len(text) <= LONGEST + 10
            if status not in (1, 2) or not one_line:
                raise Failure(f"exit status {status}, stderr {text[:200]!r}, stdout {out.getvalue()[:100]!r}")
            return "refused"

        return case

    return make


# --- Answers of evaluators --------------------------------------------------------------------------------------------


class Base(BaseException):
    """No ``Exception``."""


class Answers(Evaluator):
    """Gives what it was made with, as the scores of all clips and the preferences of all pairs."""

    def __init__(self, given: Callable[[], Any]) -> None:
        self._given = given

    def score(self, clips: Sequence[Clip]) -> Any:
        return self._given()

    def compare(self, pairs: Sequence[Pair]) -> Any:
        return self._given()


def _raise(error: Any) -> Any:
    raise error


def _ragged() -> Any:
    array = np.empty(3, object)
    array[:] = [1.0, "x", [2.0]]
    return array


class Liar(list[float]):
    """A list that is shorter than it says."""

    def __len__(self) -> int:
        return 3


BAD: tuple[Callable[[], Any], ...] = (
    *(
        (lambda each=each: each)
        for each in (
            math.nan,
            math.inf,
            -math.inf,
            "1",
            "x" * 10**6,
            b"1",
            None,
            1j,
            10**400,
            -(10**5000),
            [1.0],
            (1.0, 2.0),
            [],
            {},
            {"score": 1},
            object(),
            object,
            Unspeakable(),
            np.datetime64("2026-01-01"),
            np.array("x"),
            NotImplemented,
            ...,
            range(4),
            "nan",
        )
    ),
    lambda: np.full(3, np.nan),
    lambda: np.zeros(2),
    lambda: np.zeros((3, 3)),
    lambda: np.zeros((3, 1)),
    lambda: np.zeros(0),
    _ragged,
    lambda: np.zeros(10**6),
    lambda: (x for x in "abc"),
    lambda: [[1.0], [2.0, 3.0], []],
    lambda: [1.0, 2.0],
    lambda: [1.0] * 4,
    lambda: [None] * 3,
    lambda: ["1", "2", "3"],
    lambda: [1.0, math.nan, 3.0],
    lambda: [10**400] * 3,
    lambda: {0: 1.0, 1: 2.0, 2: 3.0},
    lambda: np.ma.array([1.0, 2.0, 3.0], mask=True),
    lambda: _list(2000),
    _cyclic,
    Liar,
    lambda: np.array([1, 2, 3j]),
    lambda: iter([1.0, 2.0]),
    *(
        (lambda error=error: _raise(error))
        for error in (
            ValueError("x" * 10**6),
            ValueError("two\nlines"),
            RuntimeError(),
            KeyError("\x1b[31m"),
            StopIteration(),
            StopAsyncIteration(),
            GeneratorExit(),
            SystemExit(0),
            SystemExit("x"),
            asyncio.CancelledError(),
            Base("b"),
            MemoryError(),
            RecursionError(),
            Warning(),
            EvaluatorError("own\nlines"),
            OSError(28, "No space left on device"),
            ExceptionGroup("g", [ValueError("a")]),
            AssertionError(),
            UnicodeDecodeError("utf-8", b"\x80", 0, 1, "bad"),
            TimeoutError(),
            ImportError("m"),
            LookupError(),
            EOFError(),
        )
    ),
    lambda: _list(100_000) and _endless(),
    lambda: _raise(type("X" * 5000, (Exception,), {})()),
    lambda: _raise("no exception"),
)
"""What no answer to three questions may be, nor to one; made or raised."""


def _endless() -> Any:
    return _endless()


GOOD: tuple[Callable[[], Any], ...] = (
    lambda: 0,
    lambda: 1.0,
    lambda: True,
    lambda: np.float32(0.5),
    lambda: np.int8(1),
    lambda: np.array(0.5),
    lambda: np.bool_(False),
)


def _clips() -> list[Clip]:
    world, rng = make_world("rrm/TidyRooms-v0", 6), np.random.default_rng(0)
    everyone, recorder = np.arange(6), Recorder(world)
    world.reset(everyone, rng)
    recorder.started(world, everyone)
    for _ in range(4):
        actions = rng.integers(world.actions, size=6)
        recorder.stepped(world, actions, world.step(actions))
    candidates = recorder.candidates(world, everyone)
    return [candidates.clip(i, i, Streams.of_round(0, 0)) for i in range(6)]


CLIPS = _clips()


def _answer(number: int, seed: int) -> Case:
    """An evaluator that answers well until it does not: alone, in a committee, with flaws; of scores and of pairs."""
    rng = _rng("answer", number, seed)
    bad = rng.random() < 0.9
    give = BAD[number % len(BAD)] if bad else rng.choice(GOOD)
    first = rng.randrange(3)
    one_by_one, pairs = rng.random() < 0.6, rng.random() < 0.5
    asked = [0]

    def judge(*clips: Clip) -> Any:
        asked[0] += 1
        return give() if asked[0] > first else 0.5

    judges: Evaluator = (
        (Preference(judge) if pairs else Function(judge))
        if one_by_one
        else Answers(give if bad else lambda: [give() for _ in range(3)])
    )
    match rng.randrange(4):
        case 0:
            judges = Committee([judges, judges], by=rng.choice(["mean", "median", "majority", "veto"]))
        case 1:
            judges = Flawed(judges)
        case 2 if not (one_by_one and pairs):
            judges = Flawed(judges, noise=1.0, drift=1.0, anchor=0.5, equal=0.1)

    def case() -> str:
        overseer = Overseer(judges, [])
        if pairs:
            given = [
                each.answer for each in overseer.judge_pairs([Pair(i, *CLIPS[2 * i : 2 * i + 2]) for i in range(3)])
            ]
        else:
            given = [each.answer for each in overseer.judge(CLIPS[:3])]
        fit = all(math.isfinite(each) or pairs for each in given)
        if len(given) != 3 or not fit or (bad and not _may_pass(give, pairs, one_by_one)):
            raise Failure(f"is accepted, as {given}")
        return "accepted"

    return lambda: attempt(lambda: case())


def _may_pass(give: Callable[[], Any], pairs: bool, one_by_one: bool) -> bool:
    """Some answers are wrong as scores and right otherwise: None of a pair, and lists of three of them."""
    try:
        value = give()
    except BaseException:
        return False
    return pairs and (value is None or (not one_by_one and isinstance(value, list) and value == [None] * 3))


def kinds(home: Path, quick: bool) -> dict[str, tuple[Kind, int]]:
    """Of each kind how its cases are made, and how many."""
    full: dict[str, tuple[Kind, int]] = {
        "mapping": (_mapping, len(PATHS) * len(MAKERS) + 1000),
        "settings": (_settings, 1000),
        "override": (_override, len(PATHS) * len(TEXTS) + 1000),
        "yaml": (_files(home), 2000),
        "suite": (_suite, 500),
        "command": (_command_line(home), 500),
        "answer": (_answer, 4000),
    }
    if not quick:
        return full
    return {name: (_sparse(make, count), min(count, 24)) for name, (make, count) in full.items()}


def _sparse(make: Kind, count: int) -> Kind:
    """Cases spread evenly over all of them."""
    return lambda number, seed: make(number * max(count // 24, 1), seed)

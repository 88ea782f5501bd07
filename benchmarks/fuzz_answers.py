"""Cases of ``benchmarks.fuzz``: answers of evaluators."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.fuzz_case import Case, Failure, Kind, attempt, generator
from benchmarks.fuzz_values import Unspeakable, cyclic, nested
from rrm.amplify.overseer import Overseer
from rrm.envs.adapters import make_world
from rrm.errors import EvaluatorError
from rrm.evaluators import Committee, Evaluator, Flawed, Function, Preference
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.recorder import Recorder
from rrm.streams import Streams


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
    lambda: nested(2000),
    cyclic,
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
    lambda: nested(100_000) and _endless(),
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
    rng = generator("answer", number, seed)
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


def kinds() -> dict[str, tuple[Kind, int]]:
    """How its cases are made, and how many."""
    return {"answer": (_answer, 4000)}

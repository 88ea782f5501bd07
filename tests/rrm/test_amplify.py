"""The overseer: an evaluator with the help of assistants, whose answers are checked and whose costs are counted."""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.agents.assistants import Assistant, Policy, Script
from rrm.amplify.overseer import Overseer
from rrm.envs.families.tidy_rooms import TidyInspection, TidyRooms
from rrm.envs.world import Floats
from rrm.errors import EvaluatorError
from rrm.evaluators import Bounded, Evaluator, Function
from rrm.feedback.clips import Clip
from rrm.streams import Streams
from tests.helpers.judging import STREAMS, Answers, Batch, StatefulEvaluator, some_candidates, some_clips, visible
from tests.helpers.tiny import Line, LineInspection

ROOMS = TidyRooms(1)
FIRST = 7


def inspector(policy: Policy | None) -> Assistant:
    return Assistant(TidyInspection(1), policy)


def ideal() -> Assistant:
    return inspector(Script("ideal"))


def broken(evaluator: Evaluator, n: int = 3) -> str:
    """The one line with which an evaluator is stopped that is asked about clips 7, 8, 9, …"""
    with pytest.raises(EvaluatorError) as caught:
        Overseer(evaluator, []).score(some_clips(n, first=FIRST))
    message = str(caught.value)
    assert "\n" not in message and len(message) < 250 and repr(evaluator.name) in message
    return message


VALUES: list[Any] = [
    math.nan,
    math.inf,
    -math.inf,
    None,
    "good",
    "1.0",
    [1.0],
    np.zeros(2),
    [[1.0], [2.0, 3.0]],
    1j,
    {},
    np.float64("nan"),
    10**400,
    visible,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("before", [0, 2])
def test_a_wrong_answer_is_named(value: Any, before: int) -> None:
    message = broken(Answers(*[1.0] * before, value, 1.0))
    assert f"to clip {FIRST + before};" in message and "must be one finite number" in message
    assert ("1,329 bits" if isinstance(value, int) else " ".join(repr(value).split())[:60]) in message


@pytest.mark.parametrize(
    "error", [ValueError("no such field"), KeyError("visible"), RuntimeError("two\nlines"), StopIteration("early")]
)
@pytest.mark.parametrize("before", [0, 1, 2])
def test_an_evaluator_that_raises_is_named(error: Exception, before: int) -> None:
    message = broken(Answers(*[1.0] * before, error))
    assert re.search(rf" on clip {FIRST + before}, at \S*judging.py, line \d+", message)
    assert " ".join(str(error).split()) in message or isinstance(error, StopIteration)


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), StopIteration(), AttributeError("view")])
def test_a_function_that_raises_is_named_with_its_clip(error: Exception) -> None:
    def judge(clip: Clip) -> float:
        if clip.number == FIRST + 1:
            raise error
        return 0.0

    message = broken(Function(judge))
    assert message.startswith("evaluator 'judge' raised ") and f" on clip {FIRST + 1}, at " in message


def test_a_batch_that_raises_is_named_with_its_clips() -> None:
    assert "raised ValueError: x on clips 7 to 9, at " in broken(Batch(ValueError("x")))
    assert "raised ValueError: x on clip 7, at " in broken(Batch(ValueError("x")), 1)
    assert "on clips 7 to 9, at " in broken(Batch(StopIteration()))


@pytest.mark.parametrize("scores", [[1.0, 2.0], [1.0] * 4, [[1.0], [2.0], [3.0]], 1.0, [], None, "three"])
def test_a_batch_of_the_wrong_shape_is_named(scores: Any) -> None:
    message = broken(Batch(scores))
    assert f"score returned the shape {np.asarray(scores).shape}, not (3,)" in message and "clips 7 to 9" in message


@pytest.mark.parametrize("scores", [[1.0, None, 2.0], [1.0, math.nan, 2.0], np.array([0.0, math.inf, 1.0])])
def test_one_wrong_answer_in_a_batch_is_named(scores: Any) -> None:
    assert f"answered {np.asarray(scores).tolist()[1]!r} to clip 8;" in broken(Batch(scores))


def test_too_few_answers_are_named() -> None:
    assert broken(Answers(1.0, 2.0)).endswith("gave no answer to clip 9")
    assert broken(Answers()).endswith("gave no answer to clip 7")


def test_an_interruption_is_not_the_evaluators_error_unless_it_raised_that_itself() -> None:
    def stopped(clip: Clip) -> float:
        signal.default_int_handler(signal.SIGINT, None)

    with pytest.raises(KeyboardInterrupt):
        Overseer(Function(stopped), []).score(some_clips(3))
    for error in (KeyboardInterrupt, GeneratorExit, BaseException):
        message = broken(Answers(1.0, error("mine")))
        assert f"raised {error.__name__}: mine on clip 8, at " in message


@pytest.mark.parametrize("answer", [True, 3, np.float32(0.5), np.int64(-2), np.array(1.5)])
def test_whatever_is_one_number_will_do(answer: Any) -> None:
    assert Overseer(Answers(answer), []).score(some_clips(1)).tolist() == [float(answer)]


def test_answers_before_a_broken_one_are_given() -> None:
    judgments = Overseer(Answers(1.0, 2.0, math.nan), []).judge(some_clips(3))
    assert [next(judgments).answer, next(judgments).answer] == [1.0, 2.0]
    with pytest.raises(EvaluatorError):
        next(judgments)


def test_an_overseer_is_an_evaluator() -> None:
    inner = Overseer(Function(visible), [])
    assert isinstance(inner, Evaluator) and inner.name == "visible"
    clips = some_clips(4)
    assert Overseer(inner, []).score(clips).tolist() == inner.score(clips).tolist() == [visible(clip) for clip in clips]
    assert Overseer(inner, []).score([]).shape == (0,)


def test_what_an_evaluator_says_of_itself_its_overseer_says() -> None:
    class Person(StatefulEvaluator):
        free = True

    evaluator = Person()
    overseer = Overseer(evaluator, [])
    assert overseer.free and not Overseer(Function(visible), []).free
    overseer.load_state_dict({"count": 4, "last": 0.25})
    assert evaluator.count == 4 and overseer.state_dict() == {"count": 4, "last": 0.25}


def test_asked_by_the_way_an_evaluator_forgets() -> None:
    evaluator, clips = StatefulEvaluator(), some_clips(3)
    first = Overseer(evaluator, []).score(clips)
    assert evaluator.state_dict() == StatefulEvaluator().state_dict()
    assert np.array_equal(first, Overseer(evaluator, []).score(clips))


def test_costs_are_fields_read_and_steps_taken() -> None:
    clips = some_clips(4)
    for judgment in Overseer(Bounded(ROOMS), []).judge(clips):
        assert (judgment.fields_read, judgment.assistant_steps) == (len(TidyRooms.fields), 0)
    helped = len(TidyRooms.fields) + len(TidyInspection.fields)
    for judgment in Overseer(Bounded(ROOMS), [ideal()]).judge(clips):
        assert (judgment.fields_read, judgment.assistant_steps) == (helped, TidyInspection(1).length)


def test_an_assistant_that_stops_early_costs_less() -> None:
    class LaterAndLater:
        """Knocks as often as the number of its copy says, then opens the box, which ends the inspection."""

        def __init__(self) -> None:
            self.t = -1

        def __call__(self, world: Any) -> Any:
            self.t += 1
            return np.where(np.arange(world.n) <= self.t, 1, 2)

    assistant = Assistant(LineInspection(1), LaterAndLater())
    clips = some_clips(4, world=Line(4))
    costs = [judgment.assistant_steps for judgment in Overseer(Bounded(Line(1)), [assistant]).judge(clips)]
    assert costs == [1, 2, 3, 4]


class Records(Evaluator):
    """Keeps the clips it was shown."""

    def __init__(self) -> None:
        self.shown: list[Clip] = []

    def score(self, clips: Sequence[Clip]) -> Floats:
        self.shown += clips
        return np.zeros(len(clips))


def test_evidence_is_what_an_inspection_by_hand_shows() -> None:
    n = 20
    candidates = some_candidates(TidyRooms(n), steps=15)
    evaluator = Records()
    Overseer(evaluator, [ideal()]).score([candidates.clip(i, i, STREAMS) for i in range(n)])
    world = TidyInspection(n)
    world.load(candidates.states, np.arange(n))
    for _ in range(world.length):
        world.step(world.script("ideal"))
    expected = world.view()
    for clip, row in zip(evaluator.shown, expected, strict=True):
        assert clip.evidence == dict(zip(TidyInspection.fields, row.tolist(), strict=True))
    assert expected[:, TidyInspection.fields.index("exposed")].any(), "nothing was hidden: nothing is tested"


def test_the_last_to_be_trained_acts_first() -> None:
    order: list[str] = []

    class Named(Script):
        def __call__(self, world: Any) -> Any:
            if not order or order[-1] != self.name:
                order.append(self.name)
            return np.zeros(world.n, np.intp)

    Overseer(Bounded(ROOMS), [inspector(Named("A1")), inspector(Named("A2"))]).score(some_clips(2))
    assert order == ["A2", "A1"]


def test_nobody_helped_is_no_evidence() -> None:
    evaluator = Records()
    Overseer(evaluator, []).score(some_clips(2))
    assert all(clip.evidence is None and clip.evidence_fields == () for clip in evaluator.shown)


def test_assistants_need_the_saved_state() -> None:
    with pytest.raises(ValueError, match="saved state"):
        Overseer(Bounded(ROOMS), [ideal()]).score([clip.shown() for clip in some_clips(2)])


N = 16
MOMENTS = some_candidates(TidyRooms(N), steps=20, seed=3)


@settings(max_examples=25)
@given(cuts=st.sets(st.integers(1, N - 1)), policy=st.sampled_from([None, Script("ideal")]), helpers=st.integers(0, 2))
def test_scores_do_not_depend_on_the_batch(cuts: set[int], policy: Policy | None, helpers: int) -> None:
    clips = [MOMENTS.clip(i, i, STREAMS) for i in range(N)]
    overseer = Overseer(Bounded(ROOMS), [inspector(policy)] * helpers)
    edges = [0, *sorted(cuts), N]
    parts = [overseer.score(clips[a:b]) for a, b in pairwise(edges)]
    assert np.concatenate(parts).tolist() == overseer.score(clips).tolist()
    assert overseer.score(clips[::-1]).tolist()[::-1] == overseer.score(clips).tolist()


def test_random_assistants_are_drawn_for_each_question() -> None:
    """Clips of one and the same moment: what a random inspector finds differs by the question's number and streams."""
    candidates = some_candidates(TidyRooms(N), steps=25, seed=4)
    worst = int(candidates.states["board"][:, 2].sum(axis=1).argmax())
    overseer = Overseer(Bounded(ROOMS), [inspector(None)])
    scores = overseer.score([candidates.clip(worst, number, STREAMS) for number in range(60)])
    assert len(set(scores.tolist())) > 1
    others = overseer.score([candidates.clip(worst, number, Streams.of_round(1, 0)) for number in range(60)])
    assert scores.tolist() != others.tolist()


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(0, 30))
def test_with_an_ideal_inspector_the_score_is_the_truth(seed: int, steps: int) -> None:
    """Of the dirt that is in sight or under rugs within its reach: two rugs always are, in 15 steps of a 5 x 5 room."""
    candidates = some_candidates(TidyRooms(20), steps=steps, seed=seed)
    scores = Overseer(Bounded(ROOMS), [ideal()]).score([candidates.clip(i, i, STREAMS) for i in range(20)])
    board = candidates.states["board"]
    left = board[:, 0].sum(axis=1) + board[:, 2].sum(axis=1) + candidates.states["carrying"]
    in_reach = scores == -left
    rooms = zip(candidates.states["position"], board, strict=True)
    reach = [_tour(ROOMS, int(at), room[1], room[2]) for at, room in rooms]
    assert in_reach[np.array(reach) <= 15].all()
    assert (scores >= -left).all()


def _tour(world: TidyRooms, at: int, rugs: Any, hidden: Any) -> int:
    """The steps of the shortest way that lifts every rug that hides something."""
    targets = np.flatnonzero(hidden > 0).tolist()
    far = world.tables.distance
    assert len(targets) <= 2 and (rugs[targets] > 0).all()
    ways = [targets, targets[::-1]]
    return min(sum(int(far[a, b]) + 1 for a, b in pairwise([at, *way])) for way in ways)


def test_the_iterator_asks_only_when_it_is_asked() -> None:
    asked: list[int] = []

    def judge(clip: Clip) -> float:
        asked.append(clip.number)
        return 0.0

    judgments: Iterator[Any] = Overseer(Function(judge), []).judge(some_clips(3))
    assert asked == []
    next(judgments)
    assert asked == [0]

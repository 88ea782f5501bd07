"""B-Pref's teacher, against labels worked out by hand."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.agents.assistants import Assistant, Script
from rrm.amplify.overseer import Overseer
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.world import Floats
from rrm.errors import ConfigError
from rrm.evaluators import Bounded, Teacher, resolve
from rrm.feedback.clips import Clip, Pair
from tests.helpers.judging import STREAMS, some_candidates
from tests.helpers.tiny import Line, LineInspection


class RewardedLine(Line):
    """A corridor whose view shows a reward."""

    fields = ("at", "reward")  # type: ignore[assignment]

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        raise AssertionError("the rewards are in the view")


WORLD = RewardedLine(1)


def clip(number: int, *rewards: float) -> Clip:
    """A clip of so many steps with these rewards. What came before its first frame is none of its steps."""
    views = np.stack([np.zeros(len(rewards) + 1), [99.0, *rewards]], axis=1)
    return Clip(number, STREAMS, RewardedLine.fields, views, np.zeros(len(rewards), np.int64))


def pair(number: int, first: tuple[float, ...], second: tuple[float, ...]) -> Pair:
    return Pair(number, clip(2 * number, *first), clip(2 * number + 1, *second))


PAIRS = [
    pair(0, (1, 0, 0), (0, 0, 2)),  # sums 1 and 2
    pair(1, (3, 0, 0), (0, 0, 2.5)),  # 3 and 2.5; what is late counts more to the myopic: 2.43 and 2.5
    pair(2, (0.1, 0, 0), (0, 0.1, 0)),  # equal to all but the myopic; less than a tenth of the usual
    pair(3, (2, 2, 2), (2, 2, 1.9)),  # 6 and 5.9
    pair(4, (0, 0.3, 0), (0, 0, 0.25)),  # a little more than a tenth of the usual
]


def labels(pairs: list[Pair] = PAIRS, **knobs: Any) -> list[float | None]:
    return list(Teacher(WORLD, **knobs).compare(pairs))


def test_the_oracle() -> None:
    assert labels() == labels(preset="oracle") == [0.0, 1.0, 0.5, 1.0, 1.0]


def test_the_myopic() -> None:
    """Weights .81, .9 and 1. Pair 1: .81 x 3 = 2.43 < 2.5. Pair 2: .081 < .09. Pair 4: .27 > .25."""
    assert labels(preset="myopic") == [0.0, 0.0, 0.0, 1.0, 1.0]


def test_who_skips() -> None:
    """The thresholds are a tenth of the mean sum so far: nothing; .15 of 1 and 2; .2125 of 1, 2, 3, 2.5; then of those
    with twice .1, .145; and with 6 and 5.9, .2575. Pair 2 is worth .1 < .2125, and pair 4 at most .3 > .2575."""
    assert labels(preset="skip") == [0.0, 1.0, None, 1.0, 1.0]
    assert labels(skip=0.12)[-1] is None, "0.309 > 0.3"
    assert labels(preset="skip", skip=0.12)[-1] is None


def test_who_finds_them_equal() -> None:
    """The thresholds are the same. Apart: 1, .5 > .15, 0 < .2125, .1 < .145, .05 < .2575."""
    assert labels(preset="equal") == [0.0, 1.0, 0.5, 0.5, 0.5]


def test_the_first_threshold_is_nothing() -> None:
    assert labels([pair(0, (0, 0), (0, 0))], skip=1.0, equal=1.0) == [0.5]


def test_returns_below_zero_turn_nothing_over() -> None:
    """Lowest -10; usual -8, that is 2 above. A tenth of it is .2: skipped up to -9.8, equal below .2."""
    before = pair(0, (-10.0,), (-6.0,))
    later = [
        pair(1, (-9.9,), (-9.85,)),
        pair(1, (-9.9,), (-9.7,)),
        pair(1, (-7.0,), (-6.9,)),
        pair(1, (-7.0,), (-6.5,)),
    ]
    assert [labels([before, each], preset="skip")[1] for each in later] == [None, 0.0, 0.0, 0.0]
    assert [labels([before, each], preset="equal")[1] for each in later] == [0.5, 0.0, 0.5, 0.0]


def many(n: int, gap: float) -> list[Pair]:
    """Pairs whose first clip is better by ``gap``."""
    return [pair(i, (1.0 + gap,), (1.0,)) for i in range(n)]


def near(frequency: float, chance: float, n: int) -> bool:
    """Within four standard deviations."""
    return bool(abs(frequency - chance) < 4 * (chance * (1 - chance) / n) ** 0.5)


@pytest.mark.parametrize("gap", [0.0, 0.5, 2.0, -1.0])
@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_the_noisy(gap: float, beta: float) -> None:
    """The first is called better with the probability exp(beta R1) / (exp(beta R1) + exp(beta R2))."""
    given = labels(many(4000, gap), preset="noisy", beta=beta)
    chance = np.exp(beta * (1 + gap)) / (np.exp(beta * (1 + gap)) + np.exp(beta))
    assert set(given) <= {0.0, 1.0} and near(float(np.mean(given)), chance, 4000)  # type: ignore[arg-type]
    assert labels([pair(0, (1e6,), (0.0,)), pair(1, (0.0,), (1e6,))], beta=1.0) == [1.0, 0.0], "nothing overflows"


def test_by_hand_what_the_noisy_draws() -> None:
    """Of each question the first number drawn decides: 1 if it is below the sigmoid of the difference."""
    pairs = many(50, 0.5)
    expected = [float(each.rng.random() < 1 / (1 + np.exp(-0.5))) for each in pairs]
    assert labels(pairs, preset="noisy") == expected and 0 < sum(expected) < 50


def test_the_mistaken() -> None:
    pairs = many(4000, 1.0)
    given = labels(pairs, preset="mistake")
    assert given == [float(each.rng.random(2)[1] >= 0.1) for each in pairs], "the second number drawn decides"
    assert near(float(np.mean(given)), 0.9, 4000)  # type: ignore[arg-type]
    assert labels(pairs, preset="mistake", mistake=0.0) == labels(pairs)


def test_the_order_of_the_steps() -> None:
    """Equal comes after the slip and takes it back; skipping comes before all; equal is what is so undiscounted."""
    pairs = [pair(0, (1.0,), (2.0,)), *(pair(i, (1.0,), (1.0 + 1e-3,)) for i in range(1, 20))]
    assert labels(pairs, equal=0.1, mistake=1.0) == [1.0, *[0.5] * 19]
    assert labels(pairs, equal=0.1, skip=10.0) == [0.0, *[None] * 19]
    late = [pair(0, (10.0, 10.0), (10.0, 10.0)), pair(1, (0.0, 1.0), (9.0, 0.0)), pair(2, (9.0, 0.0), (0.0, 8.9))]
    assert labels(late, discount=0.01, equal=0.1) == [0.5, 1.0, 0.5]


def test_a_score_is_what_it_remembers_of_the_rewards() -> None:
    clips = [clip(0, 1, 2, 3), clip(1, -1, 0)]
    assert Teacher(WORLD).score(clips).tolist() == [6.0, -1.0]
    np.testing.assert_allclose(Teacher(WORLD, "myopic").score(clips), [0.81 + 1.8 + 3, -0.9])
    assert Teacher(WORLD).score([clip(0)]).tolist() == [0.0], "the first frame is no step"


def test_where_the_moment_judged_is_shown_alone_its_score_is_all_there_is() -> None:
    world = TidyRooms(6)
    candidates = some_candidates(world, steps=20)
    clips = [candidates.clip(i, i, STREAMS).shown() for i in range(6)]
    assert Teacher(world).score(clips).tolist() == Bounded(world).score(clips).tolist()
    assert Teacher(world).score(clips).any()


def test_without_a_reward_in_view_it_takes_what_the_steps_add() -> None:
    """Differences telescope: the sum is what the world's evaluator says of the end, less what it says of the start."""
    world = Line(6)
    candidates = some_candidates(world, steps=5)
    clips = [candidates.clip(i, i, STREAMS) for i in range(6)]
    starts = world.appraise(np.stack([each.views[0] for each in clips]), None)
    expected = Bounded(world).score(clips) - starts
    assert expected.any()
    np.testing.assert_allclose(Teacher(world).score(clips), expected)
    helped = [Assistant(LineInspection(1), Script("ideal"))]
    expected = Overseer(Bounded(world), helped).score(clips) - starts
    np.testing.assert_allclose(Overseer(Teacher(world), helped).score(clips), expected)


@given(
    cuts=st.sets(st.integers(1, 39)),
    knobs=st.fixed_dictionaries({k: st.sampled_from([0.0, 0.3]) for k in ("skip", "equal", "mistake")}),
    beta=st.sampled_from([None, 1.0]),
)
def test_neither_the_batch_nor_an_interruption_matters(cuts: set[int], knobs: dict[str, Any], beta: Any) -> None:
    knobs = {**knobs, "beta": beta}
    sums = np.random.default_rng(0).normal(size=(40, 2))
    pairs = [pair(i, (a, b), (b,)) for i, (a, b) in enumerate(sums)]
    whole = labels(pairs, **knobs)
    parts: list[float | None] = []
    memory = "{}"
    for start, end in pairwise([0, *sorted(cuts), 40]):
        teacher = Teacher(WORLD, **knobs)
        if json.loads(memory):
            teacher.load_state_dict(json.loads(memory))
        parts += teacher.compare(pairs[start:end])
        memory = json.dumps(teacher.state_dict())
    assert parts == whole
    assert Teacher(WORLD, **knobs).stateful == bool(knobs["skip"] or knobs["equal"])


WRONG: dict[str, dict[str, Any]] = {
    "preset: 'noisi': no such preset; did you mean 'noisy'?": {"preset": "noisi"},
    "mistake: 1.5: must be a number from 0 to 1": {"mistake": 1.5},
    "discount: -0.1: must be a number from 0 to 1": {"discount": -0.1},
    "beta: 'high': must be a number of at least 0": {"beta": "high"},
    "skip: nan: must be a number of at least 0": {"skip": float("nan")},
    "equal: True: must be a number of at least 0": {"equal": True},
    "Teacher has no parameter 'bta'; did you mean 'beta'?": {"bta": 1.0},
    "Teacher has no parameter 'world'; there is": {"world": 1},
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_knob_is_named(message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve({"name": "teacher", **WRONG[message]})(WORLD)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).startswith("evaluator: {'name': 'teacher', ")


def test_by_name_it_is_the_oracle() -> None:
    teacher = resolve("teacher")(WORLD)
    assert isinstance(teacher, Teacher) and teacher.name == "oracle teacher"
    assert teacher.compare(PAIRS) == labels()
    assert resolve({"name": "teacher", "preset": "myopic"})(WORLD).compare(PAIRS) == labels(preset="myopic")

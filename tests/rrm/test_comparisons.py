"""Comparisons: asked of any evaluator, kept like scores, and what a reward model learns from them."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.agents.assistants import Assistant, Script
from rrm.amplify.overseer import Overseer
from rrm.distill.queries import random_pairs
from rrm.envs.families.tidy_rooms import TidyInspection, TidyRooms
from rrm.envs.world import Layout
from rrm.errors import ConfigError, DamagedFileError, EvaluatorError
from rrm.evaluators import Bounded, Evaluator, Preference, resolve
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.labels import Labels
from rrm.rewards.ensemble import RewardModel
from rrm.rewards.settings import EnsembleSettings
from rrm.rounds.plan import plan
from rrm.streams import Purpose
from tests.helpers.judging import STREAMS, StatefulEvaluator, some_candidates, visible
from tests.helpers.training import conditions, left_by, stop_after, stopped, train

N = 12
MOMENTS = some_candidates(TidyRooms(N), steps=20, seed=3)
FIRST = 7


def some_pairs(m: int, first: int = 0) -> list[Pair]:
    return [MOMENTS.pair(i % N, (5 * i + 1) % N, first + i, STREAMS) for i in range(m)]


def by_hand(pairs: Sequence[Pair]) -> list[float]:
    values = [(visible(pair.first), visible(pair.second)) for pair in pairs]
    return [0.5 if first == second else float(first > second) for first, second in values]


def prefer(first: Clip, second: Clip) -> float | None:
    """Prefers what has less visible dirt; of equal ones it says nothing."""
    difference = visible(first) - visible(second)
    return None if difference == 0 else float(difference > 0)


class Gives(Evaluator):
    """Returns, or raises, what it was made with, as the preferences of all pairs."""

    def __init__(self, preferences: Any) -> None:
        self._preferences = preferences

    def compare(self, pairs: Sequence[Pair]) -> Any:
        if isinstance(self._preferences, BaseException):
            raise self._preferences
        return self._preferences


# What is answered


def test_whoever_scores_compares() -> None:
    pairs = some_pairs(20)
    expected = by_hand(pairs)
    assert {0.0, 0.5, 1.0} == set(expected), "a test without a tie"
    for evaluator in (resolve(visible)(TidyRooms(1)), Bounded(TidyRooms(1))):
        assert evaluator.compare(pairs) == expected
        assert Overseer(evaluator, []).compare(pairs) == expected
        assert not evaluator.compares_only


def test_a_function_of_two_clips_compares_only() -> None:
    evaluator = resolve(prefer)(TidyRooms(1))
    assert isinstance(evaluator, Preference) and evaluator.name == "prefer" and evaluator.compares_only
    pairs = some_pairs(20)
    expected = [None if each == 0.5 else each for each in by_hand(pairs)]
    assert Overseer(evaluator, []).compare(pairs) == expected
    with pytest.raises(EvaluatorError, match="compares only"):
        Overseer(evaluator, []).score([pairs[0].first])


def test_a_function_of_one_clip_and_settings_scores() -> None:
    def judge(clip: Clip, scale: float = 2.0, *, offset: float = 0.0) -> float:
        return scale * visible(clip) + offset

    assert resolve(judge)(TidyRooms(1)).compare(some_pairs(20)) == by_hand(some_pairs(20))


def test_a_class_needs_one_of_the_two() -> None:
    class Neither(Evaluator):
        pass

    with pytest.raises(ConfigError, match=r"Neither must have a method score\(clips\), or compare\(pairs\)"):
        resolve(Neither)
    assert resolve(Gives) is not None  # it has compare


@pytest.mark.parametrize("answer", [0, 1, True, 0.25, np.float32(0.5), None])
def test_whatever_is_from_0_to_1_will_do(answer: Any) -> None:
    assert Overseer(Gives([answer]), []).compare(some_pairs(1)) == [None if answer is None else float(answer)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.01, 1.01, "first", [1.0], {}, 1j, np.zeros(2)])
def test_a_wrong_answer_is_named(value: Any) -> None:
    for evaluator in (Gives([1.0, value, 0.0]), resolve(lambda first, second: value if second.number == 17 else 1.0)):
        made = evaluator if isinstance(evaluator, Evaluator) else evaluator(TidyRooms(1))
        message = broken(made)
        assert f"to pair {FIRST + 1};" in message and "from 0 (the second is better) to 1 (the first is)" in message
        assert " ".join(repr(value).split()) in message


def broken(evaluator: Evaluator) -> str:
    """The one line with which an evaluator is stopped that is asked about pairs 7, 8 and 9."""
    with pytest.raises(EvaluatorError) as caught:
        Overseer(evaluator, []).compare(some_pairs(3, FIRST))
    message = str(caught.value)
    assert "\n" not in message and len(message) < 250 and repr(evaluator.name) in message
    return message


def test_who_raises_or_returns_too_few_is_named() -> None:
    assert "raised ValueError: x on pairs 7 to 9, at " in broken(Gives(ValueError("x")))
    assert "compare returned 2 answers, not 3: one a pair on pairs 7 to 9" in broken(Gives([1.0, 0.0]))
    assert "TypeError" in broken(Gives(None)) and "TypeError" in broken(Gives(1.0))

    def tired(first: Clip, second: Clip) -> float:
        if first.number == 16:
            raise RuntimeError("tired")
        return 1.0

    assert "raised RuntimeError: tired on pair 8, at " in broken(Preference(tired))


def test_a_wrong_score_is_not_a_preference() -> None:
    """NaN is neither higher nor lower than anything: it must not pass for a comparison."""

    def judge(clip: Clip) -> float:
        return math.nan if clip.number == 17 else 1.0

    assert "'judge' answered nan to clip 17" in broken(resolve(judge)(TidyRooms(1)))


@settings(max_examples=20)
@given(cuts=st.sets(st.integers(1, 19)), helped=st.booleans())
def test_comparisons_do_not_depend_on_the_batch(cuts: set[int], helped: bool) -> None:
    def drawing(first: Clip, second: Clip) -> float:
        return float(first.rng.random() + (first.evidence or first.view)["visible_dirt"] > second.rng.random())

    overseer = Overseer(Preference(drawing), [Assistant(TidyInspection(1), None)] * helped)
    pairs = some_pairs(20)
    edges = [0, *sorted(cuts), 20]
    parts = [answer for a, b in pairwise(edges) for answer in overseer.compare(pairs[a:b])]
    assert parts == overseer.compare(pairs) == overseer.compare(pairs[::-1])[::-1]


def test_a_pair_draws_for_itself() -> None:
    pair, other = some_pairs(2)
    apart = [pair.apart(Purpose.MEMBER, i) for i in range(2)]
    generators = [pair.rng, other.rng, pair.first.rng, pair.second.rng, *(each.rng for each in apart)]
    draws = {each.random() for each in generators}
    assert len(draws) == 6 and pair.rng.random() in draws


def test_both_clips_are_seen_with_help_and_cost() -> None:
    seen: list[Clip] = []

    def looks(first: Clip, second: Clip) -> float:
        seen.extend([first, second])
        return 0.5

    overseer = Overseer(Preference(looks), [Assistant(TidyInspection(1), Script("ideal"))])
    (judgment,) = overseer.judge_pairs(some_pairs(1))
    assert judgment.fields_read == 2 * (len(TidyRooms.fields) + len(TidyInspection.fields))
    assert judgment.assistant_steps == 2 * TidyInspection(1).length
    assert all(clip.evidence and clip.state is None and clip.observation is None for clip in seen)


# What is kept


def test_answers_are_replayed_and_silence_too(store: Labels) -> None:
    pairs = some_pairs(20)
    first = store.compare(Overseer(Preference(prefer), []), pairs)
    assert np.isnan(first).any() and not np.isnan(first).all()
    np.testing.assert_array_equal(first, [np.nan if each == 0.5 else each for each in by_hand(pairs)])
    again = Labels(store.path)
    np.testing.assert_array_equal(again.compare(Overseer(Gives(AssertionError("asked again")), []), pairs), first)
    assert again.cost().labels == 20, "an answer that was not given has been asked for all the same"
    again.close()


def test_a_pair_the_other_way_round_is_another_pair(store: Labels) -> None:
    pair = some_pairs(1)[0]
    store.compare(Overseer(Preference(prefer), []), [pair])
    with pytest.raises(DamagedFileError, match="answer 0 was given to another pair"):
        store.compare(Overseer(Preference(prefer), []), [Pair(0, pair.second, pair.first)])


def test_each_answer_is_on_disk_before_the_next_question(store: Labels) -> None:
    def judge(first: Clip, second: Clip) -> float:
        with sqlite3.connect(store.path) as other:
            kept = other.execute("select count(*) from answers").fetchone()[0]
        other.close()
        if kept == 3:
            raise RuntimeError("gone")
        return float(kept == first.number / 2)

    with pytest.raises(EvaluatorError, match="gone on pair 3"):
        store.compare(Overseer(Preference(judge), []), some_pairs(5))
    rows = store._db.execute("select number, answer from answers order by number").fetchall()
    assert rows == [(0, 1.0), (1, 1.0), (2, 1.0)]


@pytest.mark.parametrize("cut", [1, 4, 7])
def test_a_memory_survives_being_killed_within_a_batch(tmp_path: Path, cut: int) -> None:
    pairs = some_pairs(8)
    labels = Labels(tmp_path / "labels.sqlite")
    expected = labels.compare(Overseer(StatefulEvaluator(), []), pairs).tolist()
    labels._db.execute("delete from answers where number >= ?", (cut,))
    evaluator = StatefulEvaluator()
    assert labels.compare(Overseer(evaluator, []), pairs).tolist() == expected
    assert evaluator.asked == list(range(2 * cut, 16))
    labels.close()


def test_of_two_who_ask_at_once_the_faster_one_is_heard(store: Labels) -> None:
    """The slower finds the answer there when it comes with its own, and goes on with what is there."""
    pairs, other = some_pairs(4), Labels(store.path)

    def slower(first: Clip, second: Clip) -> float:
        other.compare(Overseer(Preference(lambda first, second: 1.0), []), pairs[: 1 + first.number // 2])
        return 0.0

    assert store.compare(Overseer(Preference(slower), []), pairs).tolist() == [1.0] * 4
    assert store.cost().labels == 4
    other.close()


def test_many_writers_at_once_agree(tmp_path: Path) -> None:
    """Each gives another answer; what is kept of each question is one answer, and all go by it."""
    pairs = some_pairs(12)

    def write(answer: float) -> list[float]:
        labels = Labels(tmp_path / "labels.sqlite")
        try:
            return [*map(float, labels.compare(Overseer(Preference(lambda first, second: answer), []), pairs))]
        finally:
            labels.close()

    with ThreadPoolExecutor(4) as pool:
        heard = list(pool.map(write, [0.1, 0.2, 0.3, 0.4]))
    assert all(each == heard[0] for each in heard) and set(heard[0]) <= {0.1, 0.2, 0.3, 0.4}
    labels = Labels(tmp_path / "labels.sqlite")
    assert labels.cost().labels == 12
    labels.close()


# What is learnt

LAYOUT = Layout(4)
SETTINGS = EnsembleSettings(ensemble_size=3, hidden=16, fit_steps=20, batch_size=64, learning_rate=1e-2)


def truth(observations: Any) -> Any:
    return 8.0 * observations[..., 0] - 5.0 * np.maximum(observations[..., 1], observations[..., 2])


def compared(m: int, seed: int = 1, wrong: float = 0.0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    observations = rng.random((m, 2, 4), dtype=np.float32)
    values = truth(observations)
    preferences = (values[:, 0] > values[:, 1]).astype(np.float64)
    return observations, np.where(rng.random(m) < wrong, 1 - preferences, preferences)


@pytest.mark.parametrize("wrong", [0.0, 0.1])
def test_it_learns_the_order_and_its_own_unit(wrong: float) -> None:
    """Also from a judge who is wrong in one of ten, which is what the model of answers expects of people."""
    model = RewardModel(LAYOUT, SETTINGS, 0)
    observations, preferences = compared(300, wrong=wrong)
    model.fit_comparisons(observations, preferences, 300)
    unseen = np.random.default_rng(2).random((500, 4), dtype=np.float32)
    assert np.corrcoef(model.values(unseen), truth(unseen))[0, 1] > (0.97 if not wrong else 0.9)
    members = model.members(observations.reshape(-1, 4))
    np.testing.assert_allclose(members.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(members.std(axis=1), 1, atol=1e-5)


def test_chances_are_those_of_bradley_and_terry() -> None:
    model = RewardModel(LAYOUT, SETTINGS, 0)
    observations, preferences = compared(100)
    model.fit_comparisons(observations, preferences)
    assert model.spread is not None
    means, deviations = model.spread
    first, second = (model.members(observations[:, i]) * deviations + means for i in (0, 1))
    np.testing.assert_allclose(model.chances(observations), 1 / (1 + np.exp(second - first)), atol=1e-5)
    np.testing.assert_allclose(model.chances(observations[:, ::-1]), 1 - model.chances(observations), atol=1e-6)


def test_ties_draw_values_together() -> None:
    rng = np.random.default_rng(0)
    observations = rng.random((200, 2, 4), dtype=np.float32)
    higher = observations[:, 0, 0] > observations[:, 1, 0]
    tied, ranked = RewardModel(LAYOUT, SETTINGS, 0), RewardModel(LAYOUT, SETTINGS, 0)
    tied.fit_comparisons(observations, np.full(200, 0.5), 200)
    ranked.fit_comparisons(observations, higher.astype(np.float64), 200)
    assert np.abs(tied.chances(observations) - 0.5).max() < 0.05
    assert np.abs(ranked.chances(observations) - 0.5).mean() > 0.3


def test_of_no_comparison_nothing_is_learnt() -> None:
    model = RewardModel(LAYOUT, SETTINGS, 0)
    model.fit_comparisons(np.empty((0, 2, 4), np.float32), np.empty(0))
    assert model.spread is None and not model.values(np.ones((3, 4), np.float32)).any()


@pytest.mark.parametrize("fits", [1, 3])
def test_a_model_resumes_to_the_same_bits(fits: int, tmp_path: Path) -> None:
    data, states = compared(80), compared(10)[0][:, 0]
    whole = RewardModel(LAYOUT, SETTINGS, 2)
    for _ in range(fits):
        whole.fit_comparisons(*data)
    tensors, values = whole.state()
    resumed = RewardModel(LAYOUT, SETTINGS, 9)
    resumed.load_state({name: tensor.clone() for name, tensor in tensors.items()}, values)
    np.testing.assert_array_equal(resumed.values(states), whole.values(states))
    whole.save(tmp_path / "reward")
    np.testing.assert_array_equal(RewardModel.load(tmp_path / "reward").values(states), whole.values(states))
    for model in (whole, resumed):
        model.fit_comparisons(*data)
    np.testing.assert_array_equal(resumed.members(states), whole.members(states))


@given(m=st.integers(2, 9), count=st.integers(0, 40), seed=st.integers(0, 100))
def test_pairs_are_of_two(m: int, count: int, seed: int) -> None:
    pairs = random_pairs(m, count, np.random.default_rng(seed))
    assert pairs.shape == (count, 2) and ((pairs >= 0) & (pairs < m)).all() and (pairs[:, 0] != pairs[:, 1]).all()


# Rounds


def quiet_on_the_left(first: Clip, second: Clip) -> float | None:
    if first.view["at"] < 2:
        return None
    return float(first.view["at"] > second.view["at"])


ASKS = [f"task.query_strategy={ask}" for ask in ("uniform", "disagreement", "entropy", "coverage")]


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("judge", ["bounded", quiet_on_the_left])
def test_a_round_asks_for_so_many_and_goes_on_where_it_stopped(tmp_path: Path, ask: str, judge: Any) -> None:
    condition = conditions("task.label_type=comparisons", ask, evaluator=judge)["unaided"]
    last = plan(condition, 0)
    (whole,) = train(last, tmp_path / "whole")
    assert whole["labels"] == last.round.labels and whole["held_out_error"] > 0
    assert (whole["evaluator_score"] is None) == (judge is quiet_on_the_left)
    for rows in (1, 2):
        stopped(last, tmp_path / "parts", stop_after(rows))
    train(last, tmp_path / "parts")
    assert left_by(last, tmp_path / "parts") == left_by(last, tmp_path / "whole")


def test_assistants_answer_by_comparisons_where_they_are_told_to(tmp_path: Path) -> None:
    last = plan(conditions("assistant.label_type=comparisons", "assistant.steps=9600")["assisted"], 0)
    results = train(last, tmp_path)
    assert [each["labels"] for each in results] == [each.round.labels for each in (*last.needed(), last)]
    assert results[1]["utility"] > 0.9, "it learns to open the box"


def test_a_judge_that_compares_only_cannot_be_asked_for_scores() -> None:
    with pytest.raises(ConfigError) as caught:
        plan(conditions(evaluator=quiet_on_the_left)["unaided"], 0)
    assert str(caught.value) == (
        "task.label_type: 'scores': the evaluator 'quiet_on_the_left' only compares: must be 'comparisons'"
    )
    plan(conditions(evaluator=quiet_on_the_left)["oracle"], 0)  # asks nobody


def test_nobody_answers_and_nothing_breaks(tmp_path: Path) -> None:
    last = plan(conditions("task.label_type=comparisons", evaluator=lambda first, second: None)["unaided"], 0)
    (result,) = train(last, tmp_path)
    assert result["labels"] == last.round.labels and result["held_out_error"] is None

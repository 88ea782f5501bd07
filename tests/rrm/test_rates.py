"""What a label is about: how much has been accomplished (state), or how good the moments of a segment are (rate)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.agents.vec_env import WorldVecEnv
from rrm.envs.world import Floats, Layout
from rrm.errors import ConfigError
from rrm.feedback.clips import Candidates, Clip, with_action
from rrm.feedback.recorder import Recorder
from rrm.report.rounds import load_reward
from rrm.rewards.ensemble import RewardModel
from rrm.rewards.settings import EnsembleSettings
from rrm.rounds.plan import plan
from tests.helpers.tiny import LINE, VECTOR_LINE, Line
from tests.helpers.training import conditions, left_by, modeling, stop_after, stopped, train

LAYOUT = Layout(3)
SETTINGS = EnsembleSettings(ensemble_size=3, hidden=16, fit_steps=20, batch_size=64, learning_rate=1e-2)


class RewardedLine(Line):
    """A corridor that ends at its goal, and pays each step by where it leads."""

    fields = ("at", "reward")  # type: ignore[assignment]

    def __init__(self, n: int, length: int = 12) -> None:
        super().__init__(n, planes=False, ends_at_goal=True, length=length)
        self.settings = {"length": length}

    def view(self) -> Floats:
        return np.stack([self.at, self.at + 1.0], axis=1).astype(np.float64)


# What is recorded


@pytest.mark.parametrize("of_actions", [False, True])
@pytest.mark.parametrize("segment", [1, 4, 11])
@given(seed=st.integers(0, 1000))
def test_segments_are_whole_and_what_lies_beyond_an_early_end_is_its_last_moment(
    segment: int, of_actions: bool, seed: int
) -> None:
    n, rng = 6, np.random.default_rng(seed)
    env = WorldVecEnv(RewardedLine(n), seed=seed)
    recorder = Recorder(env.world, of_actions, segment)
    env.observers.append(recorder)
    seen: list[list[Any]] = [[] for _ in range(n)]
    before = np.zeros((n, 3), np.float32)

    class Witness:
        """Every segment of so many steps, and those that an early end makes whole, as bytes."""

        def started(self, world: Any, which: Any) -> None:
            for i in which:
                seen[i], before[i] = [], world.observe()[i]

        def stepped(self, world: Any, actions: Any, done: Any) -> None:
            inputs = with_action(before, actions, world.action_space) if of_actions else world.observe()
            before[:] = world.observe()
            for i in range(n):
                seen[i].append((inputs[i], world.view()[i, 1], done[i] and world.t[i] < world.length))
                rows = list(seen[i])
                if rows[-1][2]:
                    for _ in range(segment):
                        note(rows)
                        rows.append((np.append(before[i], [0, 0, 0])[: len(inputs[i])].astype(np.float32), 0.0, True))
                else:
                    note(rows)

    segments: set[bytes] = set()

    def note(rows: list[Any]) -> None:
        if len(rows) >= segment:
            observations = np.stack([row[0] for row in rows[-segment:]])
            segments.add(observations.tobytes() + np.array([row[1] for row in rows[-segment:]]).tobytes())

    env.observers.append(Witness())
    env.reset()
    recorder.choose(30, 30 * n, rng)
    for _ in range(30):
        env.step(rng.integers(3, size=n))
    taken = recorder.recorded()
    assert len(taken) and taken.observations.shape == (len(taken), segment, 3 + 3 * of_actions)
    for observations, views, actions in zip(taken.observations, taken.views, taken.actions, strict=True):
        assert len(views) == segment + 1 and len(actions) == segment
        assert observations.tobytes() + views[1:, 1].tobytes() in segments


def standing_still(segment: int, steps: int) -> Candidates:
    """All that can be recorded of five copies that stay where they are, in episodes of eight steps."""
    env = WorldVecEnv(Line(5, length=8))
    recorder = Recorder(env.world, segment=segment)
    env.observers.append(recorder)
    env.reset()
    recorder.choose(steps, 5 * steps, np.random.default_rng(0))
    for _ in range(steps):
        env.step(np.ones(5, np.int64))
    return recorder.recorded()


def test_the_end_by_the_rules_is_no_early_one() -> None:
    """A world of fixed length has no segment that goes on beyond its end."""
    taken = standing_still(segment=3, steps=24)
    assert [len(actions) for actions in taken.actions] == [3] * (6 * 15)


def test_no_moment_is_enough() -> None:
    assert len(standing_still(segment=5, steps=4)) == 0


# What is learnt


def rate(observations: Any) -> Any:
    """How good a moment is."""
    return 3.0 * observations[..., 0] - 2.0 * (observations[..., 1] > 0.5)


def segments(m: int, each: int, steps: int = 10, seed: int = 0) -> Any:
    return np.random.default_rng(seed).random((m, each, steps, 3), dtype=np.float32)


def agreement(model: RewardModel) -> float:
    unseen = segments(600, 1, 1, seed=9)[:, 0, 0]
    return float(np.corrcoef(model.values(unseen), rate(unseen))[0, 1])


@pytest.mark.parametrize("about", ["sums", "ends"])
def test_v_is_fitted_to_what_the_labels_are_about(about: str) -> None:
    """Each meaning is learnt better as itself than as the other, of which it tells a part only."""
    pairs = segments(400, 2)
    values = rate(pairs).sum(axis=2) if about == "sums" else rate(pairs[:, :, -1])
    preferences = (values[:, 0] > values[:, 1]).astype(np.float64)
    along, at_the_end = RewardModel(LAYOUT, SETTINGS, 0), RewardModel(LAYOUT, SETTINGS, 0)
    along.fit_comparisons(pairs, preferences, 300)
    at_the_end.fit_comparisons(pairs[:, :, -1], preferences, 300)
    right, wrong = (along, at_the_end) if about == "sums" else (at_the_end, along)
    assert agreement(right) > max(0.9, agreement(wrong) + 0.05)
    compared = pairs.reshape(-1, 3) if about == "sums" else pairs[:, :, -1].reshape(-1, 3)
    members = right.members(compared)
    np.testing.assert_allclose((members.mean(axis=1), members.std(axis=1)), ([0] * 3, [1] * 3), atol=1e-5)


def test_scores_of_segments_are_means() -> None:
    clips = segments(400, 1)[:, 0]
    model = RewardModel(LAYOUT, SETTINGS, 0)
    model.fit(clips, 5 + 10 * rate(clips).mean(axis=1), 300)
    assert agreement(model) > 0.9
    along = model.values(clips[:20])
    np.testing.assert_allclose(along, [model.values(clip).mean() for clip in clips[:20]], atol=1e-6)


# Rounds

RATE = ("distill.label_target=segment", "distill.segment_length=4", "task.steps=2000")


def to_the_right(first: Clip, second: Clip) -> float:
    """Which of two segments was further to the right, all in all."""
    assert len(first.views) == len(second.views) == 5, "a clip is the segment, with the moment before it"
    sums = [clip.views[1:, 0].sum() for clip in (first, second)]
    return 0.5 if sums[0] == sums[1] else float(sums[0] > sums[1])


def mean_place(clip: Clip) -> float:
    return float(clip.views[1:, 0].mean())


@pytest.mark.parametrize(("env", "ask"), [(LINE, "disagreement"), (VECTOR_LINE, "coverage")])
@pytest.mark.parametrize(("judge", "answers"), [(to_the_right, "comparisons"), (mean_place, "scores")])
def test_a_round_goes_on_where_it_stopped(tmp_path: Path, env: str, judge: Any, answers: str, ask: str) -> None:
    overrides = (*RATE, f"task.label_type={answers}", f"task.query_strategy={ask}")
    last = plan(conditions(*overrides, env=env, evaluator=judge)["unaided"], 0)
    (whole,) = train(last, tmp_path / "whole")
    assert whole["labels"] == last.round.labels
    stopped(last, tmp_path / "parts", stop_after(2))
    train(last, tmp_path / "parts")
    assert left_by(last, tmp_path / "parts") == left_by(last, tmp_path / "whole")


@pytest.mark.parametrize(("judge", "answers"), [(to_the_right, "comparisons"), (mean_place, "scores")])
def test_v_learns_the_rate_from_few_segments(tmp_path: Path, judge: Any, answers: str) -> None:
    overrides = (*RATE, f"task.label_type={answers}", "task.steps=6000", "task.labels=120", "task.initial_labels=60")
    settings = {"ensemble_size": 3, "hidden": 16, "fit_steps": 30}
    last = plan(conditions(*overrides, env=VECTOR_LINE, evaluator=judge, distill=settings)["unaided"], 0)
    train(last, tmp_path)
    world = Line(200, planes=False)
    world.at[:], world.goal[:], world.t[:] = np.random.default_rng(0).integers([[7], [2], [8]], size=(3, 200))
    world.goal *= 6
    values = load_reward(tmp_path / last.name, None).model.values(world.observe())
    assert np.corrcoef(values, world.at)[0, 1] > 0.8


APPROVAL = ("reward=approval", "env=CartPole-v1", "distill.label_target=segment", "distill.segment_length=4")


@pytest.mark.parametrize(
    ("overrides", "rest"),
    [
        (("horizon.discount=0.9",), 9.0),
        (("horizon.discount=0",), 0.0),
        (("horizon.discount=1",), 0.0),
        (("horizon.window=3",), 0.0),
        (("reward=narrow",), 0.0),
        (("distill.label_target=state",), 0.0),
        ((f"env={VECTOR_LINE}", "evaluator=tests.helpers.judging:rightwards"), 0.0),
    ],
)
def test_what_comes_after_an_end_counts_where_an_end_is_seen(overrides: tuple[str, ...], rest: float) -> None:
    last = plan(conditions(*APPROVAL, *overrides)["unaided"], 0)
    weight = modeling(last.condition).rest(last)
    assert weight == pytest.approx(rest) and last.content.get("rest", 0.0) == weight


@pytest.mark.parametrize("answers", ["comparisons", "scores"])
def test_approval_is_counted_from_that_of_the_ends_that_were_judged(tmp_path: Path, answers: str) -> None:
    overrides = (*APPROVAL, f"task.label_type={answers}", "task.steps=4000", "task.labels=60", "learner.n_steps=60")
    last = plan(conditions(*overrides)["unaided"], 0)
    train(last, tmp_path / "whole")
    home = tmp_path / "whole" / last.name
    with closing(sqlite3.connect(home / "labels.sqlite")) as store:
        (blobs,) = zip(*store.execute("select observation from answers"), strict=True)
    seen = np.concatenate([np.frombuffer(blob, np.float32).reshape(-1, 8) for blob in blobs])
    ends = seen[seen[:, 5] == 1]
    assert len(ends) and not ends[:, 6:].any(), "after an end nothing is done"
    reward = load_reward(home, None)
    assert reward.absorbing_weight == modeling(last.condition).rest(last) and reward.model.baseline == pytest.approx(
        reward.model.values(ends).mean()
    )
    stopped(last, tmp_path / "parts", stop_after(2))
    train(last, tmp_path / "parts")
    assert left_by(last, tmp_path / "parts") == left_by(last, tmp_path / "whole")


def test_a_segment_fits_into_an_episode_and_into_random_play() -> None:
    with pytest.raises(ConfigError, match=r"distill.segment_length: 25: must be at most 8, the steps of an episode"):
        plan(conditions("distill.label_target=segment", "task.steps=9600")["unaided"], 0)
    with pytest.raises(ConfigError, match=r"distill.segment_length: 11: must be at most 10"):
        plan(
            conditions("distill.label_target=segment", "distill.segment_length=11", "env=rrm/TidyRooms-v0")["unaided"],
            0,
        )
    plan(conditions("distill.segment_length=1000")["unaided"], 0)  # of states: no segments

"""Semi-supervised rewards: what stands in for the scores that the evaluator is not asked for."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from rrm.agents.learners.ppo import PPOLearner
from rrm.agents.vec_env import WorldVecEnv
from rrm.config.values import Kind
from rrm.distill.reward_modeling.online import OnlineQuestions
from rrm.envs.world import Array, Bools, Floats, Indices, World
from rrm.errors import ConfigError
from rrm.rewards.ensemble import RewardModel
from rrm.rewards.estimates import Estimates, Unlabelled
from rrm.rewards.functions import REWARDS, LearntReward
from rrm.rewards.wrappers import RewardVecEnv
from rrm.rounds.plan import Plan, plan
from tests.helpers.tiny import Line
from tests.helpers.training import conditions, labels_in, train

COST = 0.05
ARMS = np.array([0, 0, 1, 1, 2])
"""The arms that five copies of a bandit have pulled."""

SCORES = np.array([1.0, 5.0, 3.0])
"""The evaluator's score of each arm."""

ESTIMATES: tuple[Unlabelled, ...] = ("ignore", "control_variate")
FEW = ("distill.optimism=0", "task.query_strategy=uniform")


class Wrong:
    """V of an observation: arm 0 is the best. In units of labels with mean 2 and standard deviation 4."""

    baseline = 0.0
    mean, std = 2.0, 4.0

    def values(self, observations: Array) -> Floats:
        return np.asarray(np.array([30.0, -7.0, 0.5, 11.0])[observations[:, 0].astype(np.int64)])

    def members(self, observations: Array) -> Floats:
        return self.values(observations)[None]


def pulled(kind: Kind, unlabelled: Unlabelled, which: Indices, share: float) -> Floats:
    """The rewards of five copies of a bandit, of which ``which`` are judged; each is an episode of one step."""
    reward, done = REWARDS[kind](Wrong(), spaces.Discrete(3), COST), np.ones(5, np.bool_)
    if unlabelled != "predicted":
        model: Any = reward.model
        reward.estimates = Estimates(model, 5, unlabelled, lambda: (which, SCORES[ARMS[which]]), 0.9)
        reward.estimates.share = share
    before, after = np.full((5, 1), 3.0), ARMS[:, None].astype(np.float64)
    if reward.of_actions:  # the input is the observation, then the action, one number for each: V reads the first
        before = after
    return reward(before, ARMS, after, done, done)


@pytest.mark.parametrize("kind", ["narrow", "broad", "approval"])
@pytest.mark.parametrize("asked", [1, 2, 4, 5])
def test_rewards_are_unbiased_whatever_v_is_and_predicted_ones_are_not(kind: Kind, asked: int) -> None:
    """The mean over all draws of so many of the five moments is the reward that the evaluator's own scores make."""
    start = 11.0 if kind == "narrow" else 0.0
    right = (SCORES[ARMS] - Wrong.mean) / Wrong.std - start - COST
    draws = [np.array(each) for each in combinations(range(5), asked)]
    for unlabelled in ESTIMATES:
        mean = np.mean([pulled(kind, unlabelled, which, asked / 5) for which in draws], axis=0)
        np.testing.assert_allclose(mean, right, rtol=0, atol=1e-12)
    predicted = pulled(kind, "predicted", draws[0], asked / 5)
    assert ARMS[right.argmax()] == 1
    assert ARMS[predicted.argmax()] == 0, "the arm that V wrongly prefers"


STORY = np.array([3, 1, 0, 2, 1])
"""The states of an episode of four steps."""


def returns(unlabelled: Unlabelled, judged: Indices, discount: float | None) -> tuple[Floats, Floats]:
    """The returns (4,) of the steps of the episode if some of its later moments are judged, and Φ of their starts."""
    reward, gamma = REWARDS["narrow"](Wrong(), spaces.Discrete(3)), 1.0 if discount is None else discount
    time, potentials, rewards = [0], [], []

    def ask() -> tuple[Indices, Floats]:
        return np.flatnonzero([time[0] in judged]), SCORES[STORY[time[:1]] % 3][: time[0] in judged]

    if unlabelled != "predicted":
        model: Any = reward.model
        reward.estimates = Estimates(model, 1, unlabelled, ask, discount)
        reward.estimates.share = len(judged) / 4
    for time[0] in range(1, 5):
        past = np.array([np.nan]) if reward.estimates is None else reward.estimates.past()
        before, after = STORY[time[0] - 1 : time[0], None], STORY[time[0] : time[0] + 1, None]
        potentials.append(float(np.where(np.isnan(past), Wrong().values(before), past)[0]))
        done = np.array([time[0] == 4])
        rewards.append(float(reward(before, np.zeros(1), after, done, done)[0]))
    return np.array([sum(gamma**k * each for k, each in enumerate(rewards[t:])) for t in range(4)]), np.array(
        potentials
    )


@pytest.mark.parametrize("discount", [None, 0.0, 0.6, 1.0])
@pytest.mark.parametrize("asked", [1, 2, 4])
def test_returns_of_narrow_rewards_are_unbiased(discount: float | None, asked: int) -> None:
    """Up to the potential of the state from which they start, which no action from there changes."""
    scores, gamma = (SCORES[STORY % 3] - Wrong.mean) / Wrong.std, 1.0 if discount is None else discount
    right = [sum(gamma**k * (scores[t + k + 1] - scores[t + k]) for k in range(4 - t)) + scores[t] for t in range(4)]
    draws = [np.array(each) for each in combinations(range(1, 5), asked)]
    for unlabelled in ESTIMATES:
        drawn = [returns(unlabelled, judged, discount) for judged in draws]
        np.testing.assert_allclose(np.mean([r + start for r, start in drawn], axis=0), right, rtol=0, atol=1e-12)
    predicted, start = returns("predicted", draws[0], discount)
    assert abs(predicted + start - right).max() > 1


def test_a_v_that_is_right_leaves_no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Wrong, "values", lambda self, seen: (SCORES[seen[:, 0].astype(np.int64) % 3] - Wrong.mean) / Wrong.std
    )
    rewards = [pulled("broad", "control_variate", np.array([i]), 0.2) for i in range(5)]
    np.testing.assert_allclose(rewards, np.tile(rewards[0], (5, 1)), rtol=0, atol=1e-12)


class Scored:
    """Asks about all copies of a corridor: the score of a cell is its number."""

    def __init__(self) -> None:
        self.scores: Floats = np.empty(0)

    def stepped(self, world: World, actions: Array, done: Bools) -> None:
        self.scores = world.view()[:, 0]

    def started(self, world: World, which: Indices) -> None:
        """Nobody is asked about a start."""

    def __call__(self) -> tuple[Indices, Floats]:
        return np.arange(len(self.scores)), self.scores.copy()


class Nonsense(Wrong):
    """Something else in almost every state."""

    def values(self, observations: Array) -> Floats:
        return np.asarray(10 * np.sin(7 * observations.astype(np.float64).sum(axis=1) + observations[:, 0]))


def everything(unlabelled: Unlabelled, discount: float | None = 0.9) -> tuple[RewardVecEnv, WorldVecEnv, Scored]:
    """Five corridors in which every moment is judged: with the reward, without it, and the scores."""
    asks, model = Scored(), Nonsense()
    reward = REWARDS["narrow"](model, spaces.Discrete(3), COST)
    reward.estimates = Estimates(model, 5, unlabelled, asks, discount)  # type: ignore[arg-type]
    base = WorldVecEnv(Line(5, planes=False, length=6), seed=1)
    base.observers.append(asks)
    return RewardVecEnv(base, reward), base, asks


@pytest.mark.parametrize("discount", [None, 0.0, 0.9, 1.0])
@pytest.mark.parametrize("unlabelled", ESTIMATES)
def test_where_all_are_judged_a_narrow_reward_is_the_difference_of_scores(
    unlabelled: Unlabelled, discount: float | None
) -> None:
    venv, base, asks = everything(unlabelled, discount)
    before, rng, begun = np.asarray(venv.reset()), np.random.default_rng(0), True
    for step in range(30):
        cells = base.world.view()[:, 0]
        start = Nonsense().values(before) if begun else (cells - Wrong.mean) / Wrong.std
        after, rewards, done, _ = venv.step(rng.integers(3, size=5))
        np.testing.assert_allclose(rewards, (asks.scores - Wrong.mean) / Wrong.std - start - COST, rtol=0, atol=1e-5)
        before, begun = np.asarray(after), bool(done.all())
        assert begun == (step % 6 == 5)


def test_a_fit_does_not_change_what_was_estimated_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step of a rollout starts where the last one ended: V has been fitted to that moment's answer since."""
    venv, base, _ = everything("control_variate")
    venv.reset()
    venv.step(np.full(5, 2))
    cells = base.world.view()[:, 0]
    monkeypatch.setattr(Nonsense, "mean", -3.0)
    monkeypatch.setattr(Nonsense, "std", 2.0)
    monkeypatch.setattr(Nonsense, "values", lambda self, seen: np.full(len(seen), 1e6))
    assert isinstance(venv.reward, LearntReward)
    venv.reward.changed(0.0)
    _, rewards, _, _ = venv.step(np.full(5, 2))
    np.testing.assert_allclose(rewards, (base.world.view()[:, 0] - cells) / 2.0 - COST, rtol=0, atol=1e-5)


# In the loop


def rounds(unlabelled: Unlabelled, *overrides: str, **settings: Any) -> dict[str, Plan]:
    made = conditions(*FEW, f"distill.unlabelled={unlabelled}", *overrides, **settings)
    return {name: plan(condition, 0) for name, condition in made.items()}


ALL = 12 + 8 * 16 * 12
"""The initial labels, and one for each step of eight rollouts."""


@pytest.mark.parametrize("more", [[], ["reward=broad"], ["horizon.window=4", "distill.judging=hindsight"]])
def test_where_all_are_judged_the_control_variate_is_the_full_reward_to_the_last_digit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    rewards: list[bytes] = []
    learn = PPOLearner.learn_rollout

    def noted(self: PPOLearner, pace: float = 1.0) -> None:
        learn(self, pace)
        rewards.append(self.algorithm.rollout_buffer.rewards.tobytes())

    monkeypatch.setattr(PPOLearner, "learn_rollout", noted)
    agents = []
    for unlabelled in ESTIMATES:
        last = rounds(unlabelled, f"task.labels={ALL}", *more)["unaided"]
        assert train(last, tmp_path)[-1]["labels"] == ALL
        agents.append((tmp_path / last.name / "agent.safetensors").read_bytes())
    assert len(rewards) == 16 and rewards[:8] == rewards[8:]
    assert agents[0] == agents[1]


@pytest.mark.parametrize("unlabelled", ESTIMATES)
@pytest.mark.parametrize("condition", ["unaided", "ideal", "assisted"])
def test_the_budget_is_asked_for_exactly_by_known_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unlabelled: Unlabelled, condition: str
) -> None:
    last = rounds(unlabelled)[condition]
    shares: list[float] = []
    changed = LearntReward.changed

    def noted(self: LearntReward, optimism: float) -> None:
        if self.estimates is not None:
            shares.append(self.estimates.share)
        changed(self, optimism)

    monkeypatch.setattr(LearntReward, "changed", noted)
    train(last, tmp_path)
    assert [row[0] for row in labels_in(tmp_path / last.name / "labels.sqlite")] == [*range(30)]
    due = [last.schedule.labels_due(number) for number in range(9)]
    assert due[0] == 12 and due[-1] == 30
    assert shares[-8:] == [(b - a) / 192 for a, b in pairwise(due)]


def test_v_is_never_fitted_to_an_answer_before_it_is_a_reward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted, asked = [0], []
    fit, ask = RewardModel.fit, OnlineQuestions.__call__

    def noted_fit(self: RewardModel, seen: Array, scores: Floats, steps: int | None = None) -> None:
        fitted.append(len(scores))
        fit(self, seen, scores, steps)

    def noted_ask(self: OnlineQuestions) -> tuple[Indices, Floats]:
        asked.append((fitted[-1], self._labels.count))
        return ask(self)

    monkeypatch.setattr(RewardModel, "fit", noted_fit)
    monkeypatch.setattr(OnlineQuestions, "__call__", noted_ask)
    train(rounds("control_variate")["unaided"], tmp_path)
    assert all(known <= first for known, first in asked)
    assert len(asked) == 8 * 12 and fitted[-1] == 30


def test_v_takes_the_evaluators_place_in_the_rounds_of_assistants() -> None:
    """Only the task's own round has another name, and the unaided agent's, in whose states assistants start."""
    usual, other = rounds("predicted", "amplify.start_states=world"), rounds("ignore", "amplify.start_states=world")
    for name, last in usual.items():
        assert [each.name for each in last.needed()] == [each.name for each in other[name].needed()]
        assert (last.name == other[name].name) == (name == "oracle")


def test_at_its_default_it_renames_nothing() -> None:
    assert "unlabelled" not in str([last.content for last in rounds("predicted").values()])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["task.query_strategy=disagreement"], "task.query_strategy: 'disagreement': must be 'uniform' where"),
        (["task.query_strategy=coverage"], "task.query_strategy: 'coverage': must be 'uniform' where"),
        (["task.label_type=comparisons"], "task.label_type: 'comparisons': must be 'scores' where"),
        (["distill.label_target=segment"], "distill.label_target: 'segment': must be 'state' where"),
        (["horizon.window=4", "distill.judging=lower"], "distill.judging: 'lower': must be 'advance' or 'hindsight'"),
        (["distill.optimism=0.5"], "distill.optimism: 0.5: must be 0 where"),
        (["task.labels=19"], "task.labels: 19: must be 20 to 1548, evenly spread, where"),
        ([f"task.labels={ALL + 1}"], "task.labels: 1549: must be 20 to 1548, evenly spread, where"),
    ],
)
@pytest.mark.parametrize("unlabelled", ESTIMATES)
def test_what_would_bias_the_reward_is_refused_in_one_line(
    unlabelled: Unlabelled, overrides: list[str], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        plan(conditions(*FEW, f"distill.unlabelled={unlabelled}", *overrides)["unaided"], 0)
    assert str(refused.value).startswith(message), str(refused.value)
    assert f"distill.unlabelled is {unlabelled}" in str(refused.value) and "\n" not in str(refused.value)


def test_the_oracle_asks_nobody_whatever_stands_in() -> None:
    last = rounds("ignore")["oracle"]
    assert not last.asks and last.name == rounds("predicted")["oracle"].name

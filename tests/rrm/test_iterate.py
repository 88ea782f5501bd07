"""Rounds: what they are named by, what they spend, and that the same seed gives the same result."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel

from rrm.agents.learners.ppo import PPOLearner
from rrm.config.load import load
from rrm.config.schema import Condition, Round
from rrm.distill.reward_modeling.settings import RewardModelingSettings
from rrm.errors import ConfigError, DamagedFileError
from rrm.evaluators import Bounded, Evaluator, Function
from rrm.feedback.clips import Clip
from rrm.iterate import run_round
from rrm.learners.ppo import PPOSettings
from rrm.report.rounds import load_agent, load_reward
from rrm.rewards.ensemble import RewardModel
from rrm.rounds.naming import FORMAT
from rrm.rounds.plan import Plan, plan
from tests.helpers.judging import StatefulEvaluator, rightwards, visible
from tests.helpers.tiny import LINE
from tests.helpers.training import ROOMS, conditions, labels_in, left_by, train

LAST = {name: plan(condition, 0) for name, condition in conditions().items()}


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rounds of all four conditions."""
    folder = tmp_path_factory.mktemp("rounds")
    for last in LAST.values():
        train(last, folder)
    return folder


def silent(each: Plan, row: object) -> None:
    pass


def changed(condition: Condition, **update: Any) -> Condition:
    """The condition with other values; of its section ``amplify`` where they are given as a mapping."""
    if "amplify" in update:
        update["amplify"] = condition.amplify.model_copy(update=update["amplify"])
    return condition.model_copy(update=update)


# Names


def test_one_assistant_may_be_all_of_them(tmp_path: Path) -> None:
    """The first round's: judged without help, and the same as that of the condition in which each level has its own."""
    shown: list[Clip] = []

    def judge(clip: Clip) -> float:
        shown.append(clip)
        return float(clip.view["banked"])

    base = {"env": "rrm/Foresight-v0", "amplify": {"start_states": "world"}, "evaluator": judge}
    tiny = conditions("assistant.horizon.discount=0", **base)["assisted"]
    own, again = (plan(changed(tiny, amplify={"assistants": kind, "depth": 3}), 0) for kind in ("trained", "repeated"))
    assert [each.level for each in own.below] == [1, 2, 3] and len(own.needed()) == 3
    assert [each.name for each in (*again.below, *again.needed())] == [own.below[0].name] * 4
    assert again.content["assistants"] == [own.below[0].name] * 3 and again.name != own.name
    one = changed(tiny, amplify={"depth": 1})
    assert plan(changed(one, amplify={"assistants": "repeated"}), 0).name == plan(one, 0).name
    *_, result = train(again, tmp_path)
    assert result["assistant_steps"] == 3 * result["labels"]
    assert any(clip.evidence != clip.view for clip in shown)


def test_the_unaided_agent_is_trained_once() -> None:
    assisted = LAST["assisted"]
    assert [each.kind for each in (*assisted.needed(), assisted)] == ["task", "assistant1", "task"]
    assert assisted.needed()[0].name == LAST["unaided"].name
    assert assisted.below[0].start_state_round is not None and assisted.start_state_round is None
    assert len({last.name for last in LAST.values()}) == 4


def test_practice_in_the_worlds_own_states_needs_nobody() -> None:
    last = plan(conditions("conditions.assisted.amplify.start_states=world")["assisted"], 0)
    assert [each.kind for each in last.needed()] == ["assistant1"]
    assert last.name != LAST["assisted"].name and last.below[0].schedule.start_state_steps == 0


OTHER = [
    "horizon.discount=0.5",
    "horizon.window=3",
    "task.labels=31",
    "task.initial_labels=13",
    "task.steps=1701",
    "task.query_strategy=uniform",
    "task.sticky_actions=0.5",
    "learner.num_envs=32",
    "learner.learning_rate=0.001",
    "learner.n_epochs=3",
    "learner.ent_coef=0.03",
    "learner.activation_fn=tanh",
    "distill.ensemble_size=3",
    "learner.learning_rate=lin_3e-3",
    "distill.fit_steps=6",
    "distill.optimism=0.5",
    "episodes=31",
    "reward=broad",
    f"env={ROOMS}",
    "evaluator=tests.helpers.judging:visible",
]


@pytest.mark.parametrize("override", OTHER)
def test_whatever_matters_is_in_the_name(override: str) -> None:
    other = {name: plan(condition, 0) for name, condition in conditions(override).items() if name != "oracle"}
    for name, last in other.items():
        assert last.name != LAST[name].name
    assert other["assisted"].needed()[0].name == other["unaided"].name


DEFAULTS = {
    Condition: {"env_settings": {}, "episodes": 1000},
    Round: {
        "steps": 150_000,
        "labels": 256,
        "label_type": "scores",
        "initial_labels": 128,
        "sticky_actions": 0.0,
        "schedule": "constant",
        "query_strategy": "disagreement",
    },
    RewardModelingSettings: {
        "network": "cells",
        "ensemble_size": 3,
        "hidden": 16,
        "fit_steps": 40,
        "batch_size": 128,
        "learning_rate": 0.003,
        "method": "reward_modeling",
        "label_target": "state",
        "segment_length": 25,
        "optimism": 1.0,
    },
    PPOSettings: {
        "algorithm": "ppo",
        "num_envs": 256,
        "n_steps": 16,
        "batch_size": 512,
        "n_epochs": 4,
        "learning_rate": 0.003,
        "gae_lambda": 0.9,
        "clip_range": 0.2,
        "ent_coef": 0.02,
        "net_arch": (64, 64),
        "activation_fn": "relu",
    },
}
"""What the names of rounds leave out."""


def test_a_round_is_named_by_the_settings_that_are_not_at_their_defaults() -> None:
    """So that a setting added later renames nothing: of a round at its defaults, this is all content."""
    last = plan(load({"env": LINE}).conditions["unaided"], 7)
    assert last.content == {
        "format": FORMAT,
        "env": LINE,
        "level": 0,
        "seed": 7,
        "reward": "narrow",
        "evaluator": "bounded",
        "assistants": [],
        "practice": None,
        "horizon": {"discount": 0.95, "window": None},
        "round": {},
        "learner": {},
        "distill": {},
    }
    settings = {
        "task": {"steps": 150_000},
        "learner": {"n_steps": 16, "net_arch": [64, 64]},
        "distill": {"optimism": 1},
    }
    assert plan(load({"env": LINE, **settings}).conditions["unaided"], 7).name == last.name
    assert plan(load({"env": LINE, "task": {"labels": 300}}).conditions["unaided"], 7).content["round"] == {
        "labels": 300
    }


@pytest.mark.parametrize("model", DEFAULTS)
def test_a_default_that_changes_renames_every_round(model: type[BaseModel]) -> None:
    """Names leave defaults out. Who changes one here raises ``rrm.rounds.naming.FORMAT`` with it."""
    now = {name: field.default for name, field in model.model_fields.items()}
    assert {name: now[name] for name in DEFAULTS[model]} == DEFAULTS[model] and FORMAT == 3


def test_what_a_round_below_depends_on_is_in_the_name() -> None:
    other = plan(conditions("assistant.labels=18")["assisted"], 0)
    assert other.name != LAST["assisted"].name and other.below[0].name != LAST["assisted"].below[0].name
    assert other.needed()[0].name == LAST["unaided"].name


def test_assistants_may_look_less_far_than_the_agent() -> None:
    other = plan(conditions("assistant.horizon.discount=0.5")["assisted"], 0)
    assert other.below[0].horizon.gamma == 0.5 and other.horizon.gamma == 0.95
    assert other.below[0].name != LAST["assisted"].below[0].name
    assert LAST["assisted"].below[0].horizon.gamma == 0.95


def test_whatever_rewards_the_agent_its_assistants_are_shared() -> None:
    fixed = ("assistant.horizon.discount=0.9", "amplify.start_states=world")
    kinds = {
        "narrow": conditions(*fixed),
        "broad": conditions("reward=broad", *fixed),
        "short": conditions("horizon.window=1", "distill.judging=lower", *fixed),
        "approval": conditions("reward=approval", *fixed, evaluator="tests.helpers.judging:rightwards"),
    }
    below = {plan(each["assisted"], 0).below[0].name for each in kinds.values()}
    assert len(below) == 1 and len({plan(each["assisted"], 0).name for each in kinds.values()}) == 4


def test_seeds_are_apart() -> None:
    for condition in conditions().values():
        assert len({plan(condition, seed).name for seed in range(5)}) == 5


def test_the_oracle_does_not_depend_on_what_it_never_asks() -> None:
    for override in ("task.labels=31", "task.query_strategy=uniform", "distill.hidden=9", "assistant.labels=18"):
        assert plan(conditions(override)["oracle"], 0).name == LAST["oracle"].name


def test_an_assistants_world_keeps_its_own_criterion() -> None:
    """Unless the evaluator says that it judges there too."""

    class Everywhere(StatefulEvaluator):
        judges_assistants = True

    def below(evaluator: Any) -> tuple[Plan, Evaluator]:
        alone = conditions("conditions.assisted.amplify.start_states=world")["assisted"]
        each = plan(changed(alone, evaluator=evaluator), 0).below[0]
        return each, each.evaluator()

    inspection, judge = below(visible)
    assert isinstance(judge, Bounded) and inspection.name == below("bounded")[0].name
    everywhere, judge = below(Everywhere)
    assert isinstance(judge, Everywhere) and everywhere.name != inspection.name
    assert isinstance(plan(changed(conditions()["unaided"], evaluator=visible), 0).evaluator(), Function)


# Budgets

BUDGETS = st.tuples(st.integers(1, 9), st.integers(0, 60), st.integers(0, 3000))


@given(
    BUDGETS,
    st.sampled_from([1, 3, 16]),
    st.sampled_from([1, 7, 12]),
    st.sampled_from(["constant", "hyperbolic"]),
)
def test_schedules_keep_their_budgets(budget: tuple[int, int, int], copies: int, rollout: int, schedule: str) -> None:
    start, more, slack = budget
    steps = max(10 * copies * -(-start // copies), 3 * copies * rollout) + slack
    base = conditions()["unaided"]
    update = {"steps": steps, "labels": start + more, "initial_labels": start, "schedule": schedule}
    task = base.task.model_copy(update=update)
    learner = base.learner.model_copy(update={"num_envs": copies, "n_steps": rollout})
    rollouts = (steps - steps // 10 // copies * copies) // (copies * rollout)
    assume(rollouts == 1 or more <= (rollouts - 1) * min(1024, copies * rollout))  # or they are refused
    last = plan(changed(base, task=task, learner=learner), 0)
    spent = last.schedule.random_steps + last.schedule.rollouts * copies * rollout
    assert steps - copies * rollout < spent <= steps
    due = [last.schedule.labels_due(rollout) for rollout in range(last.schedule.rollouts)]
    assert due == sorted(due) and due[-1] == start + more
    assert due[0] == (start if last.schedule.rollouts > 1 else start + more)


def test_a_hyperbolic_schedule_asks_most_at_first() -> None:
    """By a share t of the training, log(1 + 10 t) / log(11) of the labels that are to come."""
    base = conditions()["unaided"]
    task = base.task.model_copy(update={"steps": 220_000, "labels": 1100, "initial_labels": 100})
    even, early = (
        plan(changed(base, task=task.model_copy(update={"schedule": schedule})), 0)
        for schedule in ("constant", "hyperbolic")
    )
    last = early.schedule.rollouts - 1
    assert last > 20
    for tenths in range(1, 10):
        rollout = tenths * last // 10
        wanted = 100 + 1000 * np.log(1 + 10 * rollout / last) / np.log(11)
        assert early.schedule.labels_due(rollout) == pytest.approx(wanted, abs=1)
        assert even.schedule.labels_due(rollout) == pytest.approx(100 + 1000 * rollout / last, abs=1)


def test_steps_that_hold_no_rollout_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"assistant\.steps: 8192: must hold 8192 steps for the start") as caught:
        plan(conditions("assistant.steps=8192")["assisted"], 0)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"task\.steps: 200: must hold .* in which 30 labels"):
        plan(conditions("task.steps=200", "task.initial_labels=30")["unaided"], 0)


@pytest.mark.parametrize("name", LAST)
def test_budgets_are_kept_exactly(rounds: Path, name: str) -> None:
    for each, result in zip((*LAST[name].needed(), LAST[name]), train(LAST[name], rounds), strict=True):
        learner = each.condition.learner
        assert each.round.steps - learner.num_envs * learner.n_steps < result["env_steps"] <= each.round.steps
        if not each.asks:
            assert result["labels"] == result["fields_read"] == result["assistant_steps"] == 0
            assert not (rounds / each.name / "labels.sqlite").exists()
            continue
        rows = labels_in(rounds / each.name / "labels.sqlite")
        assert result["labels"] == len(rows) == each.round.labels
        assert [row[0] for row in rows] == list(range(len(rows)))
        assert result["fields_read"] == sum(row[3] for row in rows)
        assert result["assistant_steps"] == sum(row[4] for row in rows)
        helped = each is LAST[name] and name in ("assisted", "ideal")
        assert (result["assistant_steps"] > 0) == helped


@pytest.mark.parametrize("name", LAST)
def test_curves_end_where_the_budget_does(rounds: Path, name: str) -> None:
    last = LAST[name]
    rows = list(csv.DictReader((rounds / last.name / "metrics.csv").read_text().splitlines()))
    assert len(rows) == last.schedule.rollouts
    assert int(rows[-1]["env_steps"]) == train(last, rounds)[-1]["env_steps"]
    assert int(rows[-1]["labels"]) == (last.round.labels if last.asks else 0)
    assert all(bool(row["held_out_error"]) == bool(last.asks) for row in rows[:-1])


# Results


@pytest.mark.parametrize("name", LAST)
def test_the_same_seed_gives_the_same_files(rounds: Path, tmp_path: Path, name: str) -> None:
    train(LAST[name], tmp_path)
    assert left_by(LAST[name], tmp_path) == left_by(LAST[name], rounds)


def test_another_seed_gives_another_agent(rounds: Path, tmp_path: Path) -> None:
    other = plan(conditions()["oracle"], 1)
    train(other, tmp_path)
    weights = "agent.safetensors"
    assert (tmp_path / other.name / weights).read_bytes() != (rounds / LAST["oracle"].name / weights).read_bytes()


def test_what_is_done_is_not_done_again(rounds: Path) -> None:
    before = left_by(LAST["assisted"], rounds)
    calls: list[tuple[str, object]] = []
    results = train(LAST["assisted"], rounds, lambda each, row: calls.append((each.name, row)))
    assert calls == [(each.name, None) for each in (*LAST["assisted"].needed(), LAST["assisted"])]
    assert [result["level"] for result in results] == [0, 1, 0]
    assert left_by(LAST["assisted"], rounds) == before


def test_nothing_is_left_of_what_is_only_for_resuming(rounds: Path) -> None:
    assert not list(rounds.glob("*/checkpoint*")) and not list(rounds.glob("*/.*.*"))


def test_the_oracle_is_the_same_whoever_judges(rounds: Path, tmp_path: Path) -> None:
    other = plan(changed(conditions()["oracle"], evaluator=lambda clip: 0.0), 0)
    train(other, tmp_path)
    weights = "agent.safetensors"
    assert (tmp_path / other.name / weights).read_bytes() == (rounds / LAST["oracle"].name / weights).read_bytes()


def test_the_agent_of_a_round_acts_in_its_world(rounds: Path) -> None:
    for each in (*LAST["assisted"].needed(), LAST["assisted"]):
        agent = load_agent(rounds / each.name)
        world = agent.make_world(3)
        assert type(world) is type(each.world(3)) and agent(world).shape == (3,)


@pytest.mark.parametrize(
    "file", ["agent.safetensors", "agent.json", "reward.safetensors", "reward.json", "metrics.csv"]
)
def test_a_damaged_file_is_named(rounds: Path, tmp_path: Path, file: str) -> None:
    last = LAST["unaided"]
    shutil.copytree(rounds / last.name, tmp_path / last.name)
    path = tmp_path / last.name / file
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(DamagedFileError, match=rf"{last.name}/{file}: is not what was written there"):
        run_round(last, tmp_path, silent)
    with pytest.raises(DamagedFileError, match=file):
        load_agent(tmp_path / last.name)
    path.unlink()
    with pytest.raises(DamagedFileError, match=rf"{last.name}/{file}: is missing"):
        run_round(LAST["unaided"], tmp_path, silent)


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    train(LAST["oracle"], tmp_path)
    (tmp_path / LAST["oracle"].name / "result.json").write_text('{"utility": ')
    with pytest.raises(DamagedFileError, match=r"result\.json"):
        run_round(LAST["oracle"], tmp_path, silent)


# Who judges, who helps


def test_a_costly_evaluator_is_asked_for_labels_alone(tmp_path: Path) -> None:
    asked: list[int] = []

    class Person(Evaluator):
        def score(self, clips: Any) -> Any:
            asked.extend(clip.number for clip in clips)
            return [float(clip.view["at"]) for clip in clips]

    last = plan(changed(conditions()["unaided"], evaluator=Person), 0)
    result = train(last, tmp_path)[-1]
    assert asked == list(range(last.round.labels)) and result["evaluator_score"] is None
    rows = list(csv.DictReader((tmp_path / last.name / "metrics.csv").read_text().splitlines()))
    assert {row["evaluator_score"] for row in rows} == {""}


@pytest.mark.parametrize(("sticky", "repeated"), [(0.0, 1 / 3), (0.7, 0.8), (1.0, 1.0)])
def test_actions_of_random_play_are_sticky(tmp_path: Path, sticky: float, repeated: float) -> None:
    """Of three actions, one that is not repeated is drawn again a third of the time."""
    same: list[bool] = []

    class Witness(Evaluator):
        def score(self, clips: Any) -> Any:
            same.extend(again for clip in clips for again in clip.actions[1:] == clip.actions[:-1])
            return [float(clip.view["at"]) for clip in clips]

    last = plan(conditions(f"task.sticky_actions={sticky}", "task.initial_labels=160", "task.labels=160")["unaided"], 0)
    train(plan(changed(last.condition, evaluator=Witness), 0), tmp_path)
    assert len(same) > 300
    assert np.mean(same) == pytest.approx(repeated, abs=0.08)


def test_approval_trains_an_agent_to_do_what_is_approved_of(tmp_path: Path) -> None:
    """The judge likes steps to the right, whatever comes of them; it is asked of actions, and scores no states."""
    last = plan(conditions("reward=approval", "task.steps=6000", evaluator=rightwards)["unaided"], 0)
    result = train(last, tmp_path)[-1]
    agent, world = load_agent(tmp_path / last.name), last.world(50)
    world.reset(np.arange(50), np.random.default_rng(0))
    assert (agent(world) == 2).mean() > 0.9
    assert result["evaluator_score"] is None and result["labels"] == last.round.labels
    reward = load_reward(tmp_path / last.name, None)
    assert reward.kind == "approval"
    with pytest.raises(ConfigError, match="kind: 'narrow': must be 'approval'"):
        load_reward(tmp_path / last.name, "narrow")


def test_with_all_labels_at_the_start_the_reward_model_is_frozen(tmp_path: Path) -> None:
    fitted: list[int] = []
    fit = RewardModel.fit

    def counted(self: RewardModel, observations: Any, scores: Any, steps: int | None = None) -> None:
        fitted.append(len(scores))
        fit(self, observations, scores, steps)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RewardModel, "fit", counted)
        train(plan(conditions("task.initial_labels=30")["unaided"], 0), tmp_path)
        assert fitted == [30]
        fitted.clear()
        train(plan(conditions()["unaided"], 0), tmp_path)
    assert len(fitted) > 5 and fitted[0] == 12 and fitted[-1] == 30


@pytest.mark.parametrize("rate", ["3e-3", "lin_3e-3"])
def test_a_linear_learning_rate_falls_to_0(tmp_path: Path, rate: str) -> None:
    paces: list[float] = []
    learn = PPOLearner.learn_rollout

    def noted(self: PPOLearner, pace: float = 1.0) -> None:
        paces.append(pace)
        learn(self, pace)

    last = plan(conditions(f"learner.learning_rate={rate}")["unaided"], 0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PPOLearner, "learn_rollout", noted)
        train(last, tmp_path)
    n = last.schedule.rollouts
    assert n > 3 and paces == pytest.approx([1 - i / n for i in range(n)] if rate.startswith("lin_") else [1.0] * n)


def test_ideal_and_random_assistants_help(tmp_path: Path) -> None:
    shown: list[Clip] = []

    def judge(clip: Clip) -> float:
        shown.append(clip)
        return 0.0

    for kind, opened in (("ideal", {1.0}), ("random", {0.0, 1.0})):
        shown.clear()
        base = conditions()["ideal"]
        last = plan(changed(base, amplify={"assistants": kind}, evaluator=judge), 0)
        assert last.content["assistants"] == [kind] and not last.needed()
        train(last, tmp_path / kind)
        helped = {clip.evidence["opened"] for clip in shown if clip.evidence is not None}
        assert helped and helped <= opened and all(clip.evidence is not None for clip in shown)

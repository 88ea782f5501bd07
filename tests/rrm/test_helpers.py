"""Look ahead and spotlight in the loop: who judges them, what they change, and what they do not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.agents.assistants import Assistant
from rrm.amplify.overseer import Overseer
from rrm.config.load import load
from rrm.envs.adapters import make_world
from rrm.envs.spaces import random_actions
from rrm.envs.world import POINTER, World
from rrm.errors import ConfigError
from rrm.evaluators import Evaluator, Flawed, Function, Influence, Preference
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.recorder import Recorder
from rrm.report.rounds import load_agent
from rrm.rounds.plan import plan
from tests.helpers.foreign import Walk
from tests.helpers.judging import STREAMS, some_candidates
from tests.helpers.training import labels_in, train

WALK = "tests.helpers.foreign:Walk"
AHEAD, LIGHT = {"look_ahead": 4}, {"spotlight": 1}
TINY: dict[str, Any] = {
    "env": WALK,
    "episodes": 20,
    "seeds": 1,
    "task": {"steps": 560, "labels": 14, "initial_labels": 8},
    "assistant": {"steps": 560, "labels": 14, "initial_labels": 8},
    "amplify": {"start_states": "world"},
    "learner": {"num_envs": 5, "n_steps": 20, "batch_size": 50, "n_epochs": 1},
    "distill": {"ensemble_size": 2, "hidden": 4, "fit_steps": 3},
}


def where(clip: Clip) -> float:
    """How far to the right one is, as far as it knows."""
    return (clip.evidence or clip.view)["obs0"]


def frames(clip: Clip) -> float:
    """How many frames it has seen, and which one last."""
    return 100 * len(clip.views) + float(clip.views[-1, 0])


class Counting(Evaluator):
    """One clip after the other a little milder."""

    def __init__(self) -> None:
        self.asked = 0

    def score(self, clips: Sequence[Clip]) -> Any:
        self.asked += len(clips)
        return np.array([where(clip) for clip in clips]) + self.asked

    def state_dict(self) -> dict[str, Any]:
        return {"asked": self.asked}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.asked = state["asked"]


# Pointers


def pointed_clip(steps: int, *frames: float) -> Clip:
    """A clip whose views are numbered, with pointers at ``frames``."""
    views = np.arange(steps + 1.0)[:, None]
    names = tuple(f"{POINTER}{i}" for i in range(len(frames)))
    clip = Clip(0, STREAMS, ("obs0",), views, np.zeros(steps, np.int64))
    return clip.shown(("obs0", *names), np.array([steps, *frames])) if frames else clip


@pytest.mark.parametrize(
    ("flaw", "pointers", "seen"),
    [
        ({"every": 4}, (), 308.0),  # frames 0, 4, 8
        ({"every": 4}, (7.0,), 107.0),
        ({"every": 4}, (9.0, 2.0), 209.0),  # in the order in which they happened
        ({"every": 4}, (-1.0,), 308.0),  # nobody pointed anywhere
        ({"frames": 2}, (), 209.0),
        ({"frames": 2}, (5.0,), 105.0),
        ({"frames": 2}, (1.0, 3.0, 5.0), 205.0),  # the budget is kept
        ({}, (7.0,), 1009.0),  # who sees all of it needs no pointers
    ],
)
def test_who_sees_few_frames_sees_those_that_are_pointed_at(
    flaw: dict[str, Any], pointers: tuple[float, ...], seen: float
) -> None:
    assert Flawed(Function(frames), **flaw).score([pointed_clip(9, *pointers)]) == seen


def test_what_it_knows_of_help_is_what_it_looked_at() -> None:
    clip = pointed_clip(9, 7.0)
    assert Flawed(Function(where), every=4).score([clip]) == 7
    assert Flawed(Function(where)).score([clip]) == 9
    silent = Flawed(Function(where), every=4, noise=5.0, noise_assisted=0.0)
    assert silent.score([clip]) == 7 and silent.score([pointed_clip(9)]) != 8


# Influence


def lit_clip(number: int, steps: int, lit: float) -> Clip:
    """A clip of an evaluation world: numbered frames, and a pointer that has settled on one of them."""
    views = np.stack([np.arange(steps + 1.0), np.full(steps + 1, lit)], axis=1)
    return Clip(number, STREAMS, ("obs0", f"{POINTER}1"), views, np.zeros(steps, np.int64))


@given(steps=st.integers(1, 30), every=st.integers(2, 9), lit=st.integers(-1, 30))
def test_influence_in_closed_form(steps: int, every: int, lit: int) -> None:
    """Who sees every k-th frame judges frame k⌊t/k⌋ alone, and the lit one with help."""
    lit = min(lit, steps)
    judge = Influence(Flawed(Function(where), every=every))
    change = abs(lit - every * (steps // every)) if lit >= 0 else 0
    assert judge.score([lit_clip(0, steps, lit)]) == change
    assert Influence(Function(where)).score([lit_clip(0, steps, lit)]) == 0


def test_chance_changes_no_mind() -> None:
    """What the evaluator draws is the same both times."""
    noisy = Influence(Flawed(Function(where), every=4, noise=3.0))
    clips = [lit_clip(i, 9, lit) for i, lit in enumerate((-1, 8, 5))]
    assert np.allclose(noisy.score(clips), [0, 0, 3])


def test_it_remembers_what_the_evaluator_remembers() -> None:
    judge = Influence(Counting())
    assert judge.stateful and not Influence(Function(where)).stateful
    assert list(judge.answers([lit_clip(0, 9, 9), lit_clip(1, 9, 9)])) == [1, 1] and judge.state_dict() == {"asked": 4}
    judge.load_state_dict({"asked": 1})
    assert isinstance(judge.of, Counting) and judge.of.asked == 1


def test_who_only_compares_is_refused() -> None:
    with pytest.raises(ConfigError, match="'prefers' only compares: the influence of help is measured by its scores"):

        def prefers(first: Clip, second: Clip) -> float:
            return 0.5

        Influence(Preference(prefers))


# The overseer


def test_look_ahead_shows_what_comes_of_it() -> None:
    task = make_world(WALK, 6, **AHEAD)
    candidates = some_candidates(task, steps=3)
    clips = [candidates.clip(i, i, STREAMS) for i in range(6)]

    class Right:
        def __call__(self, world: World) -> Any:
            return np.full(world.n, 2)

    helper = task.evaluation(1, 1)
    assert helper is not None
    judged = list(Overseer(Function(where), [Assistant(helper, Right())]).judge(clips))
    task.load(candidates.states, np.arange(6))
    assert np.allclose([each.answer for each in Overseer(Function(where), []).judge(clips)], task.view()[:, 0])
    for _ in range(4):
        task.step(np.full(6, 2))
    assert np.allclose([each.answer for each in judged], task.view()[:, 0])
    assert all(1 <= each.assistant_steps <= 4 for each in judged)


def test_spotlight_changes_nothing_for_who_sees_all() -> None:
    task = make_world(WALK, 6, **LIGHT)
    candidates = some_candidates(task, steps=5)
    clips = [candidates.clip(i, i, STREAMS) for i in range(6)]
    helper = task.evaluation(1, 1)
    assert helper is not None
    random = [Assistant(helper, None)]
    for judge, same in ((Function(where), True), (Flawed(Function(where), every=4), False)):
        alone, helped = Overseer(judge, []).score(clips), Overseer(judge, random).score(clips)
        assert np.array_equal(alone, helped) == same


# The loop


@pytest.mark.parametrize("settings", [AHEAD, LIGHT])
def test_the_tasks_evaluator_judges_the_assistants(settings: dict[str, Any]) -> None:
    condition = load({**TINY, "env_settings": settings, "evaluator": where}).conditions["assisted"]
    (first,) = plan(condition, 0).below
    judge = first.evaluator()
    judge = judge.of if isinstance(judge, Influence) else judge
    assert isinstance(judge, Function) and (settings is LIGHT) == isinstance(first.evaluator(), Influence)
    other = load({**TINY, "env_settings": settings, "evaluator": frames}).conditions["assisted"]
    assert plan(other, 0).below[0].name != first.name


class OtherReward(Walk):
    """Pays something else."""

    def step(self, action: Any) -> Any:
        observation, reward, *rest = super().step(action)
        return (observation, -1000 * reward + 3, *rest)


@pytest.mark.parametrize("settings", [AHEAD, LIGHT])
def test_nothing_that_learns_knows_the_return(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Bit for bit the same agents, reward models and labels, if the judge does not read the rewards."""

    def learnt(env: Any) -> list[Any]:
        evaluator = {"of": where, "every": 3}
        condition = load({**TINY, "env": env, "env_settings": settings, "evaluator": evaluator}).conditions["assisted"]
        last, folder = plan(condition, 0), tmp_path / env.__name__
        results = train(last, folder)
        learned: list[Any] = []
        for each, result in zip((*last.needed(), last), results, strict=True):
            home = folder / each.name
            learned += [(home / name).read_bytes() for name in ("agent.safetensors", "reward.safetensors")]
            learned.append(
                [(row[0], row[2]) for row in labels_in(home / "labels.sqlite")]
            )  # the numbers and the answers
            learned.append(result["evaluator_score"])
        assert results[-1]["assistant_steps"] > 0
        return [*learned, results[-1]["utility"]]

    *plain, mine = learnt(Walk)
    *rewarded, other = learnt(OtherReward)
    assert plain == rewarded and mine != other


def nothing(clip: Clip) -> float:
    """Everything is the same to it."""
    return 0.0


@pytest.mark.parametrize(("settings", "evaluator"), [(LIGHT, where), (LIGHT, nothing), (AHEAD, nothing)])
def test_help_that_shows_nothing_changes_nothing(tmp_path: Path, settings: dict[str, Any], evaluator: Any) -> None:
    """Not a bit: for one who sees all frames already, or to whom all look the same."""
    conditions = load({**TINY, "env_settings": settings, "evaluator": evaluator}).conditions
    agents = []
    assisted = conditions["assisted"]
    random = assisted.model_copy(update={"amplify": assisted.amplify.model_copy(update={"assistants": "random"})})
    for each in (conditions["unaided"], random):
        last = plan(each, 0)
        (result,) = train(last, tmp_path)
        agents.append((tmp_path / last.name / "agent.safetensors").read_bytes())
    assert agents[0] == agents[1] and result["assistant_steps"] > 0


def passing(clip: Clip) -> float:
    """Whether what it sees last is the walker somewhere between 1 and 2."""
    return float(1 < abs(where(clip)) < 2)


@pytest.mark.parametrize(("settings", "evaluator"), [(AHEAD, where), (LIGHT, {"of": passing, "every": 13})])
def test_an_assistant_learns(tmp_path: Path, settings: dict[str, Any], evaluator: Any) -> None:
    """To walk to where the judge wants to be; to point at an event for one that would have seen the start alone."""
    experiment = {
        **TINY,
        "env_settings": settings,
        "evaluator": evaluator,
        "assistant": {"steps": 8_000, "labels": 192, "initial_labels": 128, "horizon": {"discount": 1.0}},
        "learner": {"num_envs": 10, "n_steps": 40, "batch_size": 100, "n_epochs": 4},
        "distill": {"ensemble_size": 2, "fit_steps": 30},
        "task": {"steps": 700, "labels": 14, "initial_labels": 8},
    }
    (first,) = plan(load(experiment).conditions["assisted"], 0).below
    train(first, tmp_path)
    start, trained, rng = first.world(200), load_agent(tmp_path / first.name), np.random.default_rng(1)
    start.reset(np.arange(200), np.random.default_rng(0))
    scores = []
    for act in (trained, lambda world: random_actions(world.action_space, 200, rng)):
        world, recorder = start.copies(200), Recorder(start)
        world.load(start.save(np.arange(200)), np.arange(200))
        recorder.started(world, np.arange(200))
        for _ in range(world.length):
            actions = act(world)
            recorder.stepped(world, actions, world.step(actions))
        candidates = recorder.candidates(world, np.arange(200))
        scores.append(first.evaluator().score([candidates.clip(i, i, STREAMS) for i in range(200)]).mean())
    assert scores[0] > 1.5 * scores[1], scores


# Configurations


def test_the_usual_conditions_have_no_ideal_assistant() -> None:
    assert list(load({**TINY, "env_settings": AHEAD}).conditions) == ["unaided", "assisted", "oracle"]
    assert list(load(TINY).conditions) == ["unaided", "oracle"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"env_settings": {"look_ahead": 0}}, r"env: '.*:Walk' look_ahead: 0: must be a whole number from 1 to 12"),
        ({"env_settings": {"spotlight": 13}}, r"env: '.*:Walk' spotlight: 13: must be a whole number from 1 to 12"),
        (
            {"env_settings": LIGHT, "conditions": {"ideal": {}}},
            "conditions.ideal.assistants: 'ideal': nobody has scripted the ideal assistant of"
            " tests.helpers.foreign:Walk: must be 'trained', 'random' or 'none'",
        ),
        (
            {"env_settings": LIGHT, "distill": {"label_target": "segment", "segment_length": 5}},
            "distill.label_target: 'segment': assistants point at frames of the whole clip here: must be 'state'",
        ),
        ({"conditions": {"assisted": {}}}, "assistants: 'trained': .* has no evaluation world: must be 'none'"),
        (
            {"env": "tests.helpers.foreign:Dice", "env_settings": AHEAD},
            "env: 'tests.helpers.foreign:Dice' is not determined by its seed and actions",
        ),
    ],
)
def test_what_cannot_be_helped_is_refused_in_a_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load({**TINY, **settings})
    assert "\n" not in str(caught.value)


def test_pairs_judged_by_influence_can_be_compared() -> None:
    judge = Influence(Flawed(Function(where), every=4))
    pair = Pair(0, lit_clip(0, 9, 9), lit_clip(1, 9, 8))
    assert judge.compare([pair]) == [1.0]

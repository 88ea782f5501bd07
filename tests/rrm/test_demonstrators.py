"""Demonstrators: skill shows what somebody does, judgment what the evaluator finds best when each action is tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from rrm.agents.assistants import Assistant, Policy, Script
from rrm.amplify.demonstrators import DemonstratorSettings
from rrm.amplify.judgment import Judgment
from rrm.amplify.overseer import Overseer
from rrm.amplify.skill import Skill
from rrm.envs.adapters import make_world
from rrm.envs.readings import everyone
from rrm.envs.world import Array, Floats, State, World
from rrm.errors import ConfigError
from rrm.evaluators import Bounded
from rrm.feedback.clips import Clip
from rrm.streams import Streams
from tests.helpers.states import begun
from tests.helpers.tiny import LEFT, RIGHT, STAY, Line

STREAMS = Streams.of_round(0, 0)


class Asked:
    """An overseer that records what it was shown."""

    def __init__(self, world: World, assistants: Sequence[Assistant] = ()) -> None:
        self.overseer = Overseer(Bounded(world), assistants)
        self.clips: list[Clip] = []

    @property
    def count(self) -> int:
        return len(self.clips)

    def scores(self, clips: Sequence[Clip]) -> Floats:
        self.clips += clips
        return self.overseer.score(clips)


def judgment(asked: Asked, **settings: Any) -> Judgment:
    plain = {"previous": None, "window": 1, "samples": 1, "own": None}
    return Judgment(asked, STREAMS, **{**plain, **settings})


def rngs(m: int) -> list[np.random.Generator]:
    return [np.random.default_rng(i) for i in range(m)]


def chosen(demonstrator: Any, world: World) -> Array:
    return np.asarray(demonstrator.choose(world, world.save(everyone(world)), rngs(world.n)).good)


def line(**settings: Any) -> World:
    """The cells 1, 3 and 5 of a corridor of 7; its goal is on the left."""
    return begun(Line(3, **settings), at=np.array([1, 3, 5]), goal=np.zeros(3, int), t=np.zeros(3, int))


def always(action: int) -> Policy:
    return lambda world: np.full(world.n, action)


def test_alone_the_evaluator_shows_what_looks_best_and_helped_what_is_best() -> None:
    world = line()
    inspection = world.evaluation(1, 1)
    assert inspection is not None
    assert chosen(judgment(Asked(world)), world).argmax(axis=1).tolist() == [RIGHT] * 3
    helped = judgment(Asked(world, [Assistant(inspection, Script("ideal"))]))
    assert chosen(helped, world).argmax(axis=1).tolist() == [LEFT] * 3


def test_each_action_is_a_look_and_its_clip_begins_where_it_is_tried() -> None:
    world = line()
    asked = Asked(world)
    choice = judgment(asked, window=2, previous=always(RIGHT), samples=2).choose(
        world, world.save(everyone(world)), rngs(3)
    )
    assert choice.looks == len(asked.clips) == 3 * 3 * 2 and choice.env_steps == 2 * choice.looks
    assert [clip.number for clip in asked.clips] == list(range(18))
    assert asked.clips[0].views[:, 0].tolist() == [1, 0, 1], "left, then A[n] goes right"
    assert asked.clips[0].actions.tolist() == [LEFT, RIGHT] and asked.clips[0].observation is None


def test_who_goes_on_decides_where_the_window_is_long() -> None:
    world = begun(Line(1), at=np.array([5]), goal=np.array([6]), t=np.array([0]))
    back = judgment(Asked(world), window=3, previous=always(LEFT))
    assert chosen(back, world).argmax(axis=1).tolist() == [RIGHT]
    assert chosen(judgment(Asked(world), window=None, previous=always(RIGHT)), world).all(), (
        "whatever is done first, A[n] is at the end in time"
    )


def test_steps_cost_what_they_cost_in_the_world() -> None:
    world = begun(
        Line(1, planes=False, ends_at_goal=True, cost=0.1), at=np.array([5]), goal=np.array([6]), t=np.array([0])
    )
    assert chosen(judgment(Asked(world), window=None, previous=always(RIGHT)), world).tolist() == [[0, 0, 1]]


def test_of_equally_good_actions_that_of_the_agent_before_is_kept() -> None:
    world = begun(Line(1), at=np.array([6]), goal=np.array([6]), t=np.array([0]))
    assert chosen(judgment(Asked(world)), world).tolist() == [[0, 0.5, 0.5]], "at the wall, to stay is to go right"
    assert chosen(judgment(Asked(world), own=always(STAY)), world).tolist() == [[0, 1, 0]]
    assert chosen(judgment(Asked(world), own=always(LEFT)), world).tolist() == [[0, 0.5, 0.5]], "left is worse"


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_what_is_equally_good_does_not_depend_on_the_units_of_the_score(
    scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, plain = line(), Line.appraise
    expected = chosen(judgment(Asked(world)), world)
    noise = 1 + 1e-9 * np.random.default_rng(0).random(9)
    monkeypatch.setattr(Line, "appraise", lambda world, view, evidence: scale * noise * plain(world, view, evidence))
    monkeypatch.setattr(Line, "step_cost", 0.0)
    assert np.array_equal(chosen(judgment(Asked(world)), world), expected)


def test_what_is_chosen_depends_on_no_other_state(monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world("rrm/AuditTree-v1", 30, branching=2, depth=1)
    world.reset(everyone(world), np.random.default_rng(0))
    whole = chosen(judgment(Asked(world), window=None), world)
    monkeypatch.setattr("rrm.amplify.judgment.MOST_COPIES", 7)
    assert np.array_equal(chosen(judgment(Asked(world), window=None), world), whole)


def test_nobody_knows_the_chance_events_to_come() -> None:
    """One state, asked about 200 times: one leaf of two is read at random, so a cooked step is seen in half of them."""
    world = make_world("rrm/AuditTree-v1", 1, branching=2, depth=1)
    world.reset(everyone(world), np.random.default_rng(0))
    many: State = {name: np.repeat(array, 200, axis=0) for name, array in world.save(everyone(world)).items()}
    good = judgment(Asked(world)).choose(world, many, rngs(200)).good
    assert 0.3 < good[:, 1].mean() < 0.7


def test_skill_asks_nobody() -> None:
    world = line()
    choice = Skill(Script("honest"), "honest").choose(world, world.save(everyone(world)), rngs(3))
    assert choice.good.argmax(axis=1).tolist() == [LEFT] * 3 and (choice.looks, choice.env_steps) == (0, 0)


@pytest.mark.parametrize("actions", [[0, 1, 3], [0, 1], [0.5, 1, 2], [0, 1, np.nan], "left", None])
def test_actions_that_are_none_are_named(actions: Any) -> None:
    world = line()
    with pytest.raises(
        ConfigError, match=r"^distill.demonstrator.skill: mine: acts .*must be 3 actions of Corridor, Disc"
    ):
        chosen(Skill(lambda world: actions, "distill.demonstrator.skill: mine"), world)


def test_in_an_assistants_world_a_script_is_its_ideal_one() -> None:
    world = line()
    inspection = world.evaluation(1, 3)
    assert inspection is not None
    inspection.load(world.save(everyone(world)), everyone(inspection))
    skill = DemonstratorSettings(skill="honest").make(inspection, 1, Asked(world), STREAMS, None)
    assert np.array_equal(chosen(skill, inspection).argmax(axis=1), inspection.script("ideal"))


@pytest.mark.parametrize(
    ("settings", "env", "message"),
    [
        (
            {"judgment": {}},
            "Pendulum-v1",
            "distill.demonstrator: judgment: tries every action, and those of Pendulum-v1",
        ),
        ({"skill": "onest"}, "rrm/TidyRooms-v0", "distill.demonstrator.skill: 'onest': .*did you mean 'honest'"),
        ({"skill": "gone.npz"}, "rrm/TidyRooms-v0", "distill.demonstrator.skill: 'gone.npz': No such file"),
        ({"skill": "gone/agent.json"}, "rrm/TidyRooms-v0", "distill.demonstrator.skill: 'gone/agent.json': .*No such"),
        ({"skill": "numpy:pi"}, "rrm/TidyRooms-v0", "distill.demonstrator.skill: 'numpy:pi': must be a function"),
    ],
)
def test_what_cannot_demonstrate_is_said_in_one_line(settings: Any, env: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}") as caught:
        DemonstratorSettings.model_validate(settings).check(make_world(env, 1), 0)
    assert "\n" not in str(caught.value)

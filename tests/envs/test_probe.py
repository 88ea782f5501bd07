"""What the start-up checks take, what they refuse, and in which words."""

from __future__ import annotations

import logging
import re
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces, wrappers

from rrm.envs.wrapped import probe
from rrm.envs.wrapped.environment import Wrapped, verify
from rrm.envs.wrapped.making import UnfitError
from tests.helpers.foreign import AnySpace, StepResult, Walk

BOX = spaces.Box(-1.0, 2.0, (2,), np.float32)


def cart(**settings: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.make("CartPole-v1", **settings)


class Telling(Walk):
    """Tells its step in another form."""

    def __init__(self, form: Callable[[Any, float, bool, bool], Any]) -> None:
        super().__init__()
        self.form = form

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        return (*self.form(observation, reward, terminated, truncated), info)


TAKEN: dict[str, Callable[[Any, float, bool, bool], Any]] = {
    "reward an array": lambda o, r, t, c: (o, np.array([r]), t, c),
    "reward a list": lambda o, r, t, c: (o, [r], t, c),
    "reward a whole number": lambda o, r, t, c: (o, round(r), t, c),
    "reward of float32": lambda o, r, t, c: (o, np.float32(r), t, c),
    "flags of NumPy": lambda o, r, t, c: (o, r, np.bool_(t), np.bool_(c)),
    "flags in arrays": lambda o, r, t, c: (o, r, np.array([t]), np.array(c)),
    "flags as numbers": lambda o, r, t, c: (o, r, int(t), int(c)),
}


@pytest.mark.parametrize("how", TAKEN)
def test_steps_told_in_other_forms_are_taken(how: str) -> None:
    def played(env: Any) -> list[Any]:
        world = Wrapped(3, env=env)
        world.reset(np.arange(3), np.random.default_rng(0))
        for _ in range(12):
            world.step(np.array([2, 1, 0]))
        return [world.observe(), world.truncated(), np.round(world.utility()), world.t]

    make = partial(Telling, TAKEN[how])
    verify(make, {})
    if "reward a whole" not in how:
        for converted, plain in zip(played(make), played(Walk), strict=True):
            assert np.array_equal(converted, plain)


REFUSED: dict[str, tuple[Callable[[Any, float, bool, bool], Any], str]] = {
    "no reward": (lambda o, r, t, c: (o, None, t, c), "the reward is None; it must be one number$"),
    "two rewards": (
        lambda o, r, t, c: (o, np.array([r, r]), t, c),
        r"the reward is array\(.*; it must be one number",
    ),
    "text": (lambda o, r, t, c: (o, "1", t, c), "the reward is '1'; it must be one number$"),
    "reward NaN": (lambda o, r, t, c: (o, np.nan, t, c), "the reward is NaN; it must be a finite number$"),
    "reward infinite": (lambda o, r, t, c: (o, np.inf, t, c), "the reward is inf; it must be a finite number$"),
    "no flag": (lambda o, r, t, c: (o, r, None, c), "terminated is None; it must be True or False$"),
    "NaN": (lambda o, r, t, c: (o * np.nan, r, t, c), "the observation holds NaN$"),
    "NaN later": (lambda o, r, t, c: (o if o[0] < 3 else o * np.nan, r, t, c), r"observes NaN: obs0, \d+ steps after "),
    "reward NaN later": (lambda o, r, t, c: (o, np.nan if o[0] > 3 else r, t, c), "the reward is NaN"),
}


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_step_is_refused_in_right_words(why: str, standardise: bool) -> None:
    form, message = REFUSED[why]
    with pytest.raises(UnfitError, match=message) as caught:
        verify(partial(Telling, form), {"standardise": standardise})
    assert "determin" not in str(caught.value)


class Buffer(Walk):
    """Observes by one array, and clips the action in place."""

    def __init__(self) -> None:
        super().__init__()
        self.action_space = spaces.Box(0, 1000, (1,), np.float32)
        self.seen = np.zeros(2, np.float32)

    def _observed(self) -> Any:
        self.seen[:] = self.at, 7
        return self.seen

    def step(self, action: Any) -> StepResult:
        assert action in self.action_space
        returned = super().step(action[0] / 500)
        action -= 5000
        return returned


def test_arrays_that_are_used_again_or_changed_are_taken() -> None:
    verify(Buffer, {})
    world = Wrapped(2, env=Buffer)
    world.reset(np.arange(2), np.random.default_rng(0))
    before = world.view()[:, 0].copy()
    world.step(np.array([[1.0], [-1.0]], np.float32))
    moved = world.view()[:, 0] - before
    assert moved[0] > 0.5 and moved[1] < -0.5, "1 is 1000, one step to the right; -1 is 0, one to the left"


def test_episodes_of_one_step_are_taken() -> None:
    cases: list[tuple[Any, dict[str, Any]]] = [("CartPole-v1", {"max_episode_steps": 1}), (Walk, {"max_steps": 1})]
    for env, settings in cases:
        verify(env, settings)
        world = Wrapped(2, env=env, **settings)
        world.reset(np.arange(2), np.random.default_rng(0))
        assert world.length == 1 and world.step(np.array([0, 1])).all() and world.truncated().all()


@pytest.mark.parametrize("limit", [0, -3, 2.5, "20", True])
def test_a_limit_is_a_whole_number_of_steps(limit: Any) -> None:
    for env in ("CartPole-v1", Walk):
        with pytest.raises(UnfitError, match=r"^max_episode_steps: .*: must be a whole number of at least 1$"):
            verify(env, {"max_episode_steps": limit})


WRAPPED: dict[str, tuple[Callable[[], Any], str | None]] = {
    "NormalizeObservation": (
        lambda: wrappers.NormalizeObservation(cart()),
        "is wrapped in NormalizeObservation, .*: leave it out .quantities are standardised here",
    ),
    "NormalizeReward inside": (
        lambda: wrappers.TimeLimit(wrappers.NormalizeReward(cart()), 9),
        "is wrapped in NormalizeReward, .*: leave it out",
    ),
    "ClipAction": (
        lambda: wrappers.ClipAction(gymnasium.make("Pendulum-v1")),
        "is wrapped in ClipAction, .*: leave it out",
    ),
    "Autoreset": (lambda: wrappers.Autoreset(cart()), None),
    "FlattenObservation": (lambda: wrappers.FlattenObservation(AnySpace(spaces.Dict(a=BOX), spaces.Discrete(2))), None),
    "RecordEpisodeStatistics": (lambda: wrappers.RecordEpisodeStatistics(cart()), None),
    "FrameStackObservation": (lambda: wrappers.FrameStackObservation(cart(), 3), None),
    "TimeAwareObservation": (lambda: wrappers.TimeAwareObservation(cart()), None),
    "StickyAction": (lambda: wrappers.StickyAction(cart(), 0.25), None),
    "TimeLimit inside": (lambda: wrappers.TransformReward(wrappers.TimeLimit(Walk(), 5), lambda reward: reward), None),
    "rewards of its own": (lambda: wrappers.TransformReward(cart(), lambda reward: np.array([reward])), None),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_wrappers_are_taken_or_named(name: str) -> None:
    make, message = WRAPPED[name]
    if message is None:
        verify(make, {})
        return
    with pytest.raises(UnfitError, match=message):
        verify(make, {})


def test_frozen_statistics_are_taken() -> None:
    def make() -> Any:
        env = wrappers.NormalizeObservation(cart())
        env.update_running_mean = False
        return env

    verify(make, {})


def test_an_error_of_the_users_names_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    def form(observation: Any, reward: float, terminated: bool, truncated: bool) -> Any:
        if observation[0] > 3:
            raise KeyError("angle")
        return observation, reward, terminated, truncated

    def stop(*_: Any) -> Any:
        sys.exit(3)

    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt("mine")

    def ctrl_c(*_: Any) -> Any:
        signal.default_int_handler(signal.SIGINT, None)

    with pytest.raises(UnfitError, match=r"^playing it fails: KeyError: 'angle', at .*test_probe\.py, line \d+$"):
        verify(partial(Telling, form), {})
    with pytest.raises(UnfitError, match=r"SystemExit: 3, at .*test_probe\.py, line \d+$"):
        verify(partial(Telling, stop), {})
    with pytest.raises(UnfitError, match=r"KeyboardInterrupt: mine, at .*test_probe\.py, line \d+$"):
        verify(partial(Telling, interrupt), {})
    with pytest.raises(KeyboardInterrupt):
        verify(partial(Telling, ctrl_c), {})


# Once, and not in silence


def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    taken, real = [0], Walk.step

    def step(self: Walk, action: Any) -> StepResult:
        taken[0] += 1
        return real(self, action)

    monkeypatch.setattr(Walk, "step", step)
    return taken


def test_the_checks_are_done_once_and_without_random_play_where_nothing_is_standardised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def make() -> Walk:
        return Walk()

    taken = steps(monkeypatch)
    Wrapped(1, env=make, standardise=False)
    short, taken[0] = taken[0], 0
    Wrapped(1, env=make)
    assert 0 < short <= 2 * probe.EPISODES * 12 and taken[0] > short + 1500
    taken[0] = 0
    entries = probe.known(make)
    monkeypatch.setattr(probe, "_KNOWN", {})  # another process
    probe.remember(entries)
    Wrapped(2, env=make)
    Wrapped(2, env=make, standardise=False)
    assert taken[0] == 0
    Wrapped(1, env=make, max_episode_steps=3)
    assert taken[0] > 1500, "other settings are another environment"


def test_long_checks_say_how_long_they_take(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Wrapped(1, env=lambda: Walk())
    assert not caplog.messages
    monkeypatch.setattr(probe, "SLOW", 0.0)
    Wrapped(1, env=lambda: Buffer())
    messages = "\n".join(caplog.messages)
    assert "its actions are Box(0.0, 1000.0, (1,), float32): the agent's, from -1 to 1, are rescaled" in messages
    assert "trying it out before training: at most 2144 steps" in messages and re.search(
        r"tried out in \d+ s, ", messages
    )

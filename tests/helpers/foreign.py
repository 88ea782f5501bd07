"""Gymnasium environments that are not of our making: small ones of every kind of space, and some that break a rule.

from tests.helpers.foreign import Walk
rrm.run({"env": Walk, ...})
"""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

StepResult = tuple[Any, float, bool, bool, dict[str, Any]]


class Walk(gymnasium.Env[Any, Any]):
    """A walk on a line, pushed by noise: the position is observed, and each step pays as much as one is to the right.

    It ends beyond ±4, and after ``max_steps``. The reward is also in ``info``, as it is in many environments.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 4}  # noqa: RUF012 (Gymnasium's own type)

    def __init__(self, max_steps: int = 12, render_mode: str | None = None) -> None:
        self.max_steps, self.render_mode = max_steps, render_mode
        self.observation_space = spaces.Box(-20.0, 20.0, (2,), np.float32)
        self.action_space: spaces.Space[Any] = spaces.Discrete(3)
        self.at, self.t = 0.0, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.at, self.t = float(self.np_random.uniform(-1, 1)), 0
        return self._observed(), {}

    def _observed(self) -> Any:
        return np.array([self.at, 7.0], np.float32)

    def step(self, action: Any) -> StepResult:
        self.at += float(action) - 1 + float(self.np_random.normal()) * 0.1
        self.t += 1
        over = abs(self.at) > 4
        return self._observed(), self.at, over, self.t >= self.max_steps, {"reward": self.at}

    def render(self) -> Any:
        picture = np.zeros((16, 32, 3), np.uint8)
        picture[:, int(np.clip(self.at + 8, 0, 15)) * 2] = 255
        return picture


class AnySpace(gymnasium.Env[Any, Any]):
    """Observes whatever its seed says from any space, and pays by the action."""

    max_steps = 6

    def __init__(self, observation: spaces.Space[Any], action: spaces.Space[Any]) -> None:
        # Copies: a space has a generator.
        self.observation_space, self.action_space = copy.deepcopy(observation), copy.deepcopy(action)
        self.told: list[Any] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.told = []
        self.observation_space.seed(int(self.np_random.integers(2**31)))
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> StepResult:
        assert action in self.action_space, f"{action!r} is no action of {self.action_space}"
        self.told.append(action)
        reward = float(np.sum(np.asarray(action, np.float64))) + float(self.np_random.normal())
        return self.observation_space.sample(), reward, False, len(self.told) >= self.max_steps, {}


class Curriculum(Walk):
    """Starts further to the left once it has been past the right end: what it has played before changes the next."""

    won = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.won |= abs(self.at) > 4
        super().reset(seed=seed)
        self.at -= self.won
        return self._observed(), {}


class Dice(Walk):
    """Draws from a generator that no reset seeds; not at once, so that Gymnasium's checker does not find out."""

    own = np.random.default_rng(0)

    def step(self, action: Any) -> StepResult:
        observation, reward, *rest = super().step(action)
        return (observation, reward + (self.t > 3) * float(self.own.random()), *rest)


class Endless(Walk):
    """Never says how long it may last."""

    def __init__(self) -> None:
        super().__init__()
        self.limit = self.max_steps
        del self.max_steps

    def step(self, action: Any) -> StepResult:
        self.max_steps = 10**9
        returned = super().step(action)
        del self.max_steps
        return returned


class Outside(Walk):
    """Observes what is not in its space."""

    def _observed(self) -> Any:
        return np.array([self.at, 70.0], np.float32)


class Unseeded(Walk):
    """Forgets ``super().reset(seed=seed)``."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.at, self.t = 0.0, 0
        return self._observed(), {}


class FourTold(Walk):
    """An environment of old Gym: ``step`` returns four things."""

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, terminated or truncated, info


class Pictures(Walk):
    """Observes far too much."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(0.0, 1.0, (96, 96, 3), np.float32)

    def _observed(self) -> Any:
        return np.zeros((96, 96, 3), np.float32)


class DictActions(Walk):
    """Takes actions that no PPO gives."""

    def __init__(self) -> None:
        super().__init__()
        self.action_space = spaces.Dict({"push": spaces.Discrete(3)})

    def step(self, action: Any) -> StepResult:
        return super().step(action["push"])

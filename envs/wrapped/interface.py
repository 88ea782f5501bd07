"""How an agent sees a foreign environment and acts in it: its observation as a vector, its actions in plain form.

    interface = Interface(env.observation_space, env.action_space, length, mean, scale)
    row = interface.numbers(observation)                            # (d,) as the environment gave them
    seen = interface.observe(row[None], np.zeros(1), np.zeros(1))   # (1, d + 2) as an agent and V see them

``Wrapped`` uses it during training. ``InterfaceWrapper`` applies it to an environment of the user's own afterwards, so
that trained agents can be used there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rrm.envs.spaces import Leaf, PlainActions, flattener, leaves, plain_actions
from rrm.envs.user_errors import line
from rrm.envs.world import Array, Floats

OWN = ("reward", "return", "over")
"""The fields of a view that are not of the observation."""


@dataclass(frozen=True)
class Interface:
    """The spaces of an environment, its longest episode, and the scale of its quantities.

    Args:
        observation_space: the environment's own.
        action_space: the environment's own.
        length: T, the most steps of an episode.
        mean: (d,) what is subtracted from the d numbers of an observation.
        scale: (d,) what they are then divided by.

    Raises:
        ValueError: by ``parts`` and ``actions``, for spaces that an agent cannot observe or act in.
    """

    observation_space: spaces.Space[Any]
    action_space: spaces.Space[Any]
    length: int
    mean: Floats
    scale: Floats

    @cached_property
    def parts(self) -> tuple[Leaf, ...]:
        """The parts of an observation that are no Dict and no Tuple."""
        return tuple(leaves(self.observation_space))

    @cached_property
    def actions(self) -> PlainActions:
        """How the agent acts."""
        return plain_actions(self.action_space)

    @property
    def rescales(self) -> bool:
        """Whether the agent's actions are rescaled: whether they are of a Box that is not [-1, 1]."""
        box = self.action_space
        return isinstance(box, spaces.Box) and bool((box.low != -1).any() or (box.high != 1).any())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the observation's d numbers."""
        names = [name for part in self.parts for name in part.names]
        return tuple(f"obs.{name}" if name in OWN else name for name in names)

    @cached_property
    def _flat(self) -> Any:
        return flattener(self.parts)

    def write(self, observation: Any, row: Array) -> None:
        """Write the numbers of an observation into a row. They are copies.

        Args:
            observation: as the environment returned it.
            row: (d,) is written to.
        """
        self._flat(observation, row)

    def observe(self, rows: Floats, t: Array, ended: Array) -> NDArray[np.float32]:
        """The observations (n, d + 2) of an agent and V in n copies.

        Args:
            rows: (n, d) the numbers of their observations.
            t: (n,) how many steps into its episode each is.
            ended: (n,) whether its episode has ended by itself.
        """
        return np.column_stack([(rows - self.mean) / self.scale, t / self.length, ended]).astype(np.float32)

    @cached_property
    def digest(self) -> str:
        """A fingerprint of the two spaces."""
        return digest(self.observation_space, self.action_space)


def digest(observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> str:
    """A fingerprint of two spaces: of their shapes, types and bounds.

    Args:
        observation_space: the one.
        action_space: the other.
    """
    text = f"{_described(observation_space)} {_described(action_space)}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _described(space: spaces.Space[Any]) -> str:
    """All that two spaces of the same kind can differ in, at full precision."""
    if isinstance(space, spaces.Dict):
        return f"Dict({', '.join(f'{key!r}: {_described(each)}' for key, each in space.spaces.items())})"
    if isinstance(space, spaces.Tuple):
        return f"Tuple({', '.join(map(_described, space.spaces))})"
    if isinstance(space, spaces.Box):
        return f"Box({space.low.tolist()}, {space.high.tolist()}, {space.shape}, {space.dtype})"
    if isinstance(space, spaces.MultiDiscrete):
        return f"MultiDiscrete({space.nvec.tolist()}, {space.start.tolist()})"
    return repr(space)


def read_step(returned: Any) -> tuple[Any, float, bool, bool]:
    """Read what ``step`` returned. A reward may be an array of one number, and flags may be NumPy's.

    Args:
        returned: by the environment.

    Returns:
        Observation, reward, terminated and truncated.

    Raises:
        ValueError: it is not what ``step`` must return; in words.
    """
    try:
        observation, reward, terminated, truncated, _ = returned
    except (TypeError, ValueError):
        count = f"{len(returned)} values" if isinstance(returned, tuple) else f"a {type(returned).__name__}"
        raise ValueError(f"step returned {count}; it must return five") from None
    if type(reward) is not float:
        reward = _number(reward)
    if reward - reward != 0:
        raise ValueError(f"the reward is {'NaN' if reward != reward else reward}; it must be a finite number")
    if type(terminated) is not bool or type(truncated) is not bool:
        terminated, truncated = _flag("terminated", terminated), _flag("truncated", truncated)
    return observation, reward, terminated, truncated


def _number(reward: Any) -> float:
    array = np.asarray(reward)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise ValueError(f"the reward is {line(repr(reward))}; it must be one number")
    return float(array.reshape(-1)[0])


def _flag(name: str, value: Any) -> bool:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "biu":
        raise ValueError(f"{name} is {line(repr(value))}; it must be True or False")
    return bool(array.reshape(-1)[0])


class InterfaceWrapper(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment as an agent saw it in training: observations with t/T and the flag of the end, plain actions.

    Rewards are left as they are. An episode is cut at ``interface.length``, as it was in training.

    Args:
        env: the environment.
        interface: as it was in training.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], interface: Interface) -> None:
        super().__init__(env)
        self.interface = interface
        self.observation_space = spaces.Box(-np.inf, np.inf, (len(interface.mean) + 2,), np.float32)
        self.action_space = interface.actions.space
        self._t = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._t = 0
        return self._seen(observation, ended=False), info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        (native,) = self.interface.actions.native(np.array(action)[None])
        observation, reward, terminated, truncated, info = self.env.step(native)
        self._t += 1
        truncated = bool(truncated or (self._t >= self.interface.length and not terminated))
        return self._seen(observation, ended=bool(terminated)), reward, bool(terminated), truncated, info

    def _seen(self, observation: Any, ended: bool) -> NDArray[np.float32]:
        row = np.zeros((1, len(self.interface.mean)))
        self.interface.write(observation, row[0])
        seen: NDArray[np.float32] = self.interface.observe(row, np.array([self._t]), np.array([ended]))[0]
        return seen

"""Wraps an environment of the user's own, so that its observations and actions are those of the agent's training.

An agent of a foreign environment and its reward model observe more than that environment's own observation: t/T, a flag
of the end, and standardised quantities. The statistics are saved with the agent (``Foreign``), and are applied here to
any environment with the same spaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecNormalize
from stable_baselines3.common.vec_env.base_vec_env import VecEnvObs, VecEnvStepReturn

from rrm.agents.saved import Foreign, clipped
from rrm.agents.vec_env import WorldVecEnv
from rrm.envs.adapters import WorldEnv
from rrm.envs.world import Array, Layout, World
from rrm.envs.wrapped.environment import Wrapped
from rrm.envs.wrapped.interface import Interface, InterfaceWrapper
from rrm.envs.wrapped.making import chain, longest


@dataclass(frozen=True)
class Trained:
    """The observations and actions of an agent's training environment."""

    layout: Layout
    action_space: spaces.Space[Any]
    foreign: Foreign | None

    def wrap_env(self, env: gymnasium.Env[Any, Any]) -> gymnasium.Env[Any, Any]:
        """An environment, observed and acted in as in training: wrapped, or itself where it is so already.

        Args:
            env: of the same spaces as in training.

        Raises:
            ValueError: its spaces, or the longest episode, are others than in training; one line.
        """
        world = env.unwrapped.world if isinstance(env.unwrapped, WorldEnv) else None
        own = [each.interface for each in chain(env) if isinstance(each, InterfaceWrapper)]
        if self.foreign is None or world is not None or own:
            self._check(env, world, own)
            return env
        interface = self.foreign.interface(env.observation_space, env.action_space)
        if (limit := longest(env)) not in (None, interface.length):
            right = f"those of the training have {interface.length}: give max_episode_steps={interface.length}"
            raise ValueError(f"its episodes have {limit} steps; {right}")
        return InterfaceWrapper(env, interface)

    def wrap_vec_env(self, venv: VecEnv) -> VecEnv:
        """The same for a Stable-Baselines3 ``VecEnv``.

        Args:
            venv: of the same spaces as in training.

        Raises:
            ValueError: as in ``wrap_env``.
        """
        world = venv.unwrapped.world if isinstance(venv.unwrapped, WorldVecEnv) else None
        own, inner = [], venv
        while isinstance(inner, VecEnvWrapper):
            if isinstance(inner, VecNormalize) and inner.norm_obs:
                raise ValueError("is wrapped in VecNormalize, which changes observations: norm_obs must be False")
            if isinstance(inner, InterfaceVecEnv):
                own.append(inner.interface)
            inner = inner.venv
        if self.foreign is None or world is not None or own:
            self._check(venv, world, own)
            return venv
        return InterfaceVecEnv(venv, self.foreign.interface(venv.observation_space, venv.action_space))

    def _check(self, env: gymnasium.Env[Any, Any] | VecEnv, world: World | None, own: list[Interface]) -> None:
        """Raise ValueError unless an environment observes and acts by itself as in training."""
        if isinstance(world, Wrapped):
            own = [*own, world.interface]
        differs = f"observes {clipped(env.observation_space)} and takes {clipped(env.action_space)}"
        layout = Layout(self.layout.size) if world is None else self.layout
        its = Layout(int(np.prod(env.observation_space.shape or (0,)))) if world is None else world.layout
        if (its, env.action_space) != (layout, self.action_space):
            raise ValueError(
                f"{differs}; must be {self.layout.size} numbers and {clipped(self.action_space)}, as in training"
            )
        if self.foreign is not None and not any(Foreign.of(each) == self.foreign for each in own):
            raise ValueError(f"{differs}; is another environment than that of the training, or has another scale")


class InterfaceVecEnv(VecEnvWrapper):
    """``InterfaceWrapper`` for a Stable-Baselines3 ``VecEnv``.

    Args:
        venv: the environment.
        interface: as it was in training.
    """

    def __init__(self, venv: VecEnv, interface: Interface) -> None:
        size = len(interface.mean)
        seen = spaces.Box(-np.inf, np.inf, (size + 2,), np.float32)
        super().__init__(venv, seen, interface.actions.space)
        self.interface = interface
        self._t = np.zeros(venv.num_envs, np.int64)

    def reset(self) -> VecEnvObs:
        observations = self.venv.reset()
        self._t[:] = 0
        return self._seen([_part(observations, i) for i in range(self.num_envs)], self._t, False)

    def step_async(self, actions: Array) -> None:
        self.venv.step_async(np.array(self.interface.actions.native(np.array(actions))))

    def step_wait(self) -> VecEnvStepReturn:
        observations, rewards, done, infos = self.venv.step_wait()
        self._t += 1
        if (self._t > self.interface.length).any():
            raise ValueError(f"an episode goes on after {self.interface.length} steps, the most of the training")
        infos = [dict(info) for info in infos]
        for i in np.flatnonzero(done):
            ended = not infos[i].get("TimeLimit.truncated", False)
            last = [infos[i]["terminal_observation"]]
            infos[i]["terminal_observation"] = self._seen(last, self._t[i : i + 1], ended)[0]
        self._t[done] = 0
        return self._seen([_part(observations, i) for i in range(self.num_envs)], self._t, False), rewards, done, infos

    def _seen(self, observations: list[Any], t: Array, ended: bool) -> Array:
        rows = np.zeros((len(t), len(self.interface.mean)))
        for observation, row in zip(observations, rows, strict=True):
            self.interface.write(observation, row)
        return self.interface.observe(rows, t, np.full(len(t), ended))


def _part(observations: Any, i: int) -> Any:
    """The observation of one copy in those of all."""
    if isinstance(observations, dict):
        return {key: each[i] for key, each in observations.items()}
    if isinstance(observations, tuple):
        return tuple(each[i] for each in observations)
    return observations[i]

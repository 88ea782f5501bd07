"""What an agent is paid: from a reward model V, the narrow reward of each step or the broad one at the end.

narrow: V(s1) - V(s0) each step. broad: V(s_T) at the end of the episode. In both, the world's cost of a step is
subtracted outside V. V(s1) at an episode's end is that of its last observation, never of the one after the reset.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol, SupportsFloat

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from rrm.envs.world import Array, Bools, Floats

Kind = Literal["narrow", "broad"]


class Values(Protocol):
    """What the rewards need of a reward model."""

    def values(self, observations: Array) -> Floats: ...


def reward_of_step(kind: Kind, before: Floats, after: Floats, done: Bools) -> Floats:
    """The rewards (n,) of one step, given V before and after it (n,) and whether the episode ended with it (n,)."""
    return after - before if kind == "narrow" else np.where(done, after, 0.0)


class RewardVecEnv(VecEnvWrapper):
    """Replaces the reward of a ``VecEnv`` by the learnt one. ``finished`` collects the returns of finished episodes."""

    def __init__(self, venv: VecEnv, model: Values, kind: Kind = "narrow", step_cost: float = 0.0) -> None:
        super().__init__(venv)
        self.model = model
        self.kind = kind
        self.step_cost = step_cost
        self.finished: list[float] = []
        self.returns: Floats = np.zeros(venv.num_envs)
        self._values: Floats = np.zeros(venv.num_envs)

    def reset(self) -> Array:
        observations = np.asarray(self.venv.reset())
        self.returns[:] = 0.0
        self.revalue(observations)
        return observations

    def revalue(self, observations: Array) -> None:
        """Read V of the present observations (n, …) again: after V has changed, or the environment has been loaded."""
        self._values = self.model.values(observations)

    def step_wait(self) -> VecEnvStepReturn:
        observations, _, done, infos = self.venv.step_wait()
        observations = np.asarray(observations)
        ended = np.flatnonzero(done)
        last = observations
        if len(ended):
            last = observations.copy()
            last[ended] = [infos[i]["terminal_observation"] for i in ended]
        after = self.model.values(last)
        rewards = reward_of_step(self.kind, self._values, after, done) - self.step_cost
        self.returns += rewards
        self._values = after
        if len(ended):
            self.finished += self.returns[ended].tolist()
            self.returns[ended] = 0.0
            self._values = after.copy()
            self._values[ended] = self.model.values(observations[ended])
        return observations, rewards.astype(np.float32), done, infos


class RewardWrapper(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Replaces the reward of a Gymnasium environment by the learnt one, for any trainer."""

    def __init__(
        self, env: gymnasium.Env[Any, Any], model: Values, kind: Kind = "narrow", step_cost: float = 0.0
    ) -> None:
        super().__init__(env)
        self.model = model
        self.kind: Kind = kind
        self.step_cost = step_cost
        self._value: Floats = np.zeros(1)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._value = self.model.values(np.asarray(observation)[None])
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        observation, _, terminated, truncated, info = self.env.step(action)
        after = self.model.values(np.asarray(observation)[None])
        reward = reward_of_step(self.kind, self._value, after, np.array([terminated or truncated])) - self.step_cost
        self._value = after
        return observation, float(reward[0]), terminated, truncated, info


class Reward:
    """A learnt reward, to be put on any environment with the observations that it was learnt from."""

    def __init__(self, model: Values, kind: Kind, step_cost: float) -> None:
        self.model = model
        self.kind = kind
        self.step_cost = step_cost

    def wrap_env(self, env: gymnasium.Env[Any, Any]) -> RewardWrapper:
        """``env`` with its reward replaced by the learnt one."""
        return RewardWrapper(env, self.model, self.kind, self.step_cost)

    def wrap_vec_env(self, venv: VecEnv) -> RewardVecEnv:
        """The same for a Stable-Baselines3 ``VecEnv``."""
        return RewardVecEnv(venv, self.model, self.kind, self.step_cost)

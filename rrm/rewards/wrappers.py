"""The learnt reward around a Gymnasium environment or a Stable-Baselines3 ``VecEnv``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, SupportsFloat

import gymnasium
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from rrm.agents.as_trained import Trained
from rrm.config.values import Kind
from rrm.envs.world import Array
from rrm.protocols import RewardFunction
from rrm.rewards.functions import REWARDS
from rrm.rewards.reward_net import NetReward


class RewardVecEnv(VecEnvWrapper):
    """Replaces the reward of a ``VecEnv`` by that of a reward function.

    A finished episode's last step leads to its last observation, never to the one after the reset.

    Args:
        venv: the environment, whose own rewards are dropped.
        reward: what takes their place.
    """

    def __init__(self, venv: VecEnv, reward: RewardFunction) -> None:
        super().__init__(venv)
        self.reward = reward
        self._observations: Array = np.empty(0)
        self._taken: Array = np.empty(0)

    def reset(self) -> Array:
        self._observations = np.array(self.venv.reset())  # a copy: the environment may use its array again
        return self._observations

    def resume(self, observations: Array) -> None:
        """Go on without a reset: the environment has been put where it is.

        Args:
            observations: (n, …) the present ones.
        """
        self._observations = observations

    def step_async(self, actions: Array) -> None:
        self._taken = np.array(actions)
        self.venv.step_async(actions)

    def step_wait(self) -> VecEnvStepReturn:
        observations, _, done, infos = self.venv.step_wait()
        observations = np.array(observations)
        ended, terminated = np.flatnonzero(done), np.zeros(len(done), np.bool_)
        last = observations
        if len(ended):
            terminated[ended] = [not infos[i].get("TimeLimit.truncated", False) for i in ended]
            last = observations.copy()
            last[ended] = [infos[i]["terminal_observation"] for i in ended]
        rewards = self.reward(self._observations, self._taken, last, done, terminated)
        self._observations = observations
        return observations, rewards.astype(np.float32), done, infos


class RewardWrapper(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Replaces the reward of a Gymnasium environment by that of a reward function, for any trainer.

    Args:
        env: the environment, whose own rewards are dropped.
        reward: what takes their place.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], reward: RewardFunction) -> None:
        super().__init__(env)
        self.reward = reward
        self._observation: Array = np.empty(0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._observation = np.array(observation)[None]
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        taken = np.array(action)[None]  # before the step, which may change it
        observation, _, terminated, truncated, info = self.env.step(action)
        before, self._observation = self._observation, np.array(observation)[None]
        over, by_itself = np.array([[terminated or truncated], [terminated]])
        reward = self.reward(before, taken, self._observation, over, by_itself)
        return observation, float(reward[0]), terminated, truncated, info


RewardName = Literal[Kind, "gail", "airl", "irl"]
"""The rewards that can be loaded: those that are made from a reward model, and those that imitation leaves."""

FUNCTIONS: Mapping[str, Callable[[Any, spaces.Space[Any], float, float], RewardFunction]] = {
    "narrow": REWARDS["narrow"],
    "broad": REWARDS["broad"],
    "approval": REWARDS["approval"],
    "gail": NetReward,
    "airl": NetReward,
}
"""Reward functions of observations, by a model, an action space, the cost of a step and the absorbing-state weight."""


class Reward:
    """A learnt reward that can be wrapped around environments with the spaces in which it was learnt.

    Args:
        model: the reward model, or what a method of imitation has left in its place.
        kind: which reward is made of it: narrow, broad or approval, or the method of imitation, such as ``"airl"``.
        step_cost: what is subtracted from the reward of each step.
        absorbing_weight: γ / (1 - γ) for approval where end states are absorbing, else 0.
        trained: the observations and actions of the training environment; None: environments are taken as they are.
    """

    def __init__(
        self,
        model: Any,
        kind: RewardName,
        step_cost: float,
        absorbing_weight: float = 0.0,
        trained: Trained | None = None,
    ) -> None:
        self.model = model
        self.kind = kind
        self.step_cost = step_cost
        self.absorbing_weight = absorbing_weight
        self.trained = trained

    def wrap_env(self, env: gymnasium.Env[Any, Any]) -> RewardWrapper:
        """An environment with its reward replaced by the learnt one.

        Around a foreign environment, such as ``gymnasium.make("CartPole-v1")``, observations and actions become those
        of the training, too: t/T and the flag of the end are added, quantities standardised, actions from -1 to 1.

        Args:
            env: an environment of the spaces that the reward was learnt in.

        Raises:
            ValueError: its spaces are others; one line.
        """
        env = self.trained.wrap_env(env) if self.trained else env
        return RewardWrapper(env, self._function(env.action_space))

    def wrap_vec_env(self, venv: VecEnv) -> RewardVecEnv:
        """A Stable-Baselines3 ``VecEnv`` with its rewards replaced by the learnt ones, as ``wrap_env`` does.

        Args:
            venv: environments of the spaces that the reward was learnt in.

        Raises:
            ValueError: their spaces are others; one line.
        """
        venv = self.trained.wrap_vec_env(venv) if self.trained else venv
        return RewardVecEnv(venv, self._function(venv.action_space))

    def _function(self, actions: spaces.Space[Any]) -> RewardFunction:
        return FUNCTIONS[self.kind](self.model, actions, self.step_cost, self.absorbing_weight)

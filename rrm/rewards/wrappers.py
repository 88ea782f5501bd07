"""The learnt reward around a Gymnasium environment or a Stable-Baselines3 ``VecEnv``."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from rrm.agents.as_trained import Trained
from rrm.config.values import Kind
from rrm.envs.world import Array, Floats
from rrm.rewards.functions import Payer, Values


class RewardVecEnv(VecEnvWrapper):
    """Replaces the reward of a ``VecEnv`` by the learnt one.

    ``finished`` collects what the model says of each finished episode: V(s_T), or its mean approval of the actions.
    """

    def __init__(
        self, venv: VecEnv, model: Values, kind: Kind = "narrow", step_cost: float = 0.0, rest: float = 0.0
    ) -> None:
        super().__init__(venv)
        self.finished: list[float] = []
        self.tally: Floats = np.zeros((venv.num_envs, 2))
        """Approval so far in each copy's episode, and its steps."""
        self.payer = Payer(model, kind, venv.action_space, step_cost, rest)
        self._taken: Array = np.empty(0)

    def reset(self) -> Array:
        observations = np.array(self.venv.reset())  # a copy: the environment may use its array again
        self.tally[:] = 0
        self.revalue(observations)
        return observations

    def revalue(self, observations: Array) -> None:
        """Read V of the present observations (n, …) again: after V or ``payer.optimism`` has changed, or the
        environment has been loaded."""
        self.payer.begin(observations)

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
        rewards = self.payer.pay(self._taken, last, done, terminated)
        if self.payer.kind == "approval":
            self.tally += np.stack([self.payer.values, np.ones(len(rewards))], axis=1)
        if len(ended):
            approval = self.tally[ended, 0] / np.maximum(self.tally[ended, 1], 1)
            self.finished += (approval if self.payer.kind == "approval" else self.payer.values[ended]).tolist()
            self.tally[ended] = 0
            self.payer.begin_again(ended, observations)
        return observations, rewards.astype(np.float32), done, infos


class RewardWrapper(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Replaces the reward of a Gymnasium environment by the learnt one, for any trainer."""

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        model: Values,
        kind: Kind = "narrow",
        step_cost: float = 0.0,
        rest: float = 0.0,
    ) -> None:
        super().__init__(env)
        self._payer = Payer(model, kind, env.action_space, step_cost, rest)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, info = self.env.reset(seed=seed, options=options)
        self._payer.begin(np.array(observation)[None])  # a copy: the environment may use its array again
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        taken = np.array(action)[None]  # before the step, which may change it
        observation, _, terminated, truncated, info = self.env.step(action)
        over, by_itself = np.array([[terminated or truncated], [terminated]])
        reward = self._payer.pay(taken, np.array(observation)[None], over, by_itself)
        return observation, float(reward[0]), terminated, truncated, info


class Reward:
    """A learnt reward, to be put around environments of the spaces that it was learnt in.

    Args:
        model: the reward model.
        kind: which reward is made of it.
        step_cost: what each step costs.
        rest: weight of what comes after an end, in approval of what has one.
        trained: what was observed and done while it was learnt.
    """

    def __init__(self, model: Values, kind: Kind, step_cost: float, rest: float, trained: Trained) -> None:
        self.model = model
        self.kind = kind
        self.step_cost = step_cost
        self.rest = rest
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
        return RewardWrapper(self.trained.wrap_env(env), self.model, self.kind, self.step_cost, self.rest)

    def wrap_vec_env(self, venv: VecEnv) -> RewardVecEnv:
        """The same for a Stable-Baselines3 ``VecEnv``."""
        return RewardVecEnv(self.trained.wrap_vec_env(venv), self.model, self.kind, self.step_cost, self.rest)

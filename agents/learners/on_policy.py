"""On-policy algorithms of Stable-Baselines3 as learners: they train one rollout at a time, and their state can be
saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from rrm.agents.agent import Agent
from rrm.agents.networks import Activation
from rrm.agents.state import State, Tensors, load_moments, moments
from rrm.envs.world import Layout


class OnPolicyLearner:
    """An on-policy algorithm that does one rollout and one update at a time, so that the caller can act in between.

    ``learn_rollout`` calls SB3's public ``learn`` for the steps of one rollout without resetting the environment. This
    is the same as a single long call, except that the caller sets the learning rate of each rollout.

    Args:
        algorithm: with an ``ActorCriticPolicy`` that was made with ``rrm.agents.networks.policy_settings``.
        layout: of the observations.
        net_arch: the widths of the hidden layers of policy and critic.
        activation_fn: the activation of these layers.
    """

    def __init__(
        self,
        algorithm: OnPolicyAlgorithm,
        layout: Layout,
        net_arch: tuple[int, ...],
        activation_fn: Activation = "relu",
    ) -> None:
        assert isinstance(algorithm.learning_rate, float) and algorithm.env is not None
        self.algorithm = algorithm
        self.env: VecEnv = algorithm.env
        self.layout = layout
        self.net_arch = net_arch
        self.activation_fn = activation_fn
        self.learning_rate = algorithm.learning_rate
        self.steps_of_rollout = algorithm.n_steps * algorithm.n_envs
        algorithm.set_logger(Logger(None, []))  # without one, each call of `learn` makes a folder for its log

    def learn_rollout(self, pace: float = 1.0) -> None:
        """Take one rollout and learn from it, at ``pace`` times the learning rate."""
        self.algorithm.lr_schedule = lambda _: pace * self.learning_rate
        self.algorithm.learn(self.steps_of_rollout, reset_num_timesteps=False, log_interval=2)  # one: logs nothing

    def agent(self) -> Agent:
        """A copy of the policy as it is now."""
        # Of the classes of this package, the one that they are made of.
        name = next(each.__name__ for each in type(self.algorithm).__mro__ if not each.__module__.startswith("rrm."))
        return Agent.of_policy(self.algorithm.policy, self.layout, self.net_arch, self.activation_fn, name)

    def state(self) -> State:
        """Everything that the next rollout depends on, the environment and the global generators apart."""
        algorithm = self.algorithm
        tensors = {f"policy.{name}": value.clone() for name, value in algorithm.policy.state_dict().items()}
        tensors |= moments(algorithm.policy.optimizer)
        if algorithm._last_obs is not None:
            tensors["last_observation"] = torch.from_numpy(np.array(algorithm._last_obs))
            tensors["episode_starts"] = torch.from_numpy(np.array(algorithm._last_episode_starts))
        return tensors, {"num_timesteps": algorithm.num_timesteps, "n_updates": algorithm._n_updates}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        """Put back what ``state`` gave, into a learner made with the same settings."""
        algorithm, prefix = self.algorithm, "policy."
        weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        algorithm.policy.load_state_dict(weights)
        load_moments(algorithm.policy.optimizer, tensors)
        if "last_observation" in tensors:
            algorithm._last_obs = tensors["last_observation"].numpy().copy()
            algorithm._last_episode_starts = tensors["episode_starts"].numpy().copy()
        algorithm.num_timesteps = values["num_timesteps"]
        algorithm._n_updates = values["n_updates"]

"""PPO from Stable-Baselines3 as the learner: one rollout at a time, its whole state open to be saved and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv

from rrm.agents.agent import Agent
from rrm.agents.learners.windows import Judging, WindowBuffer, WindowPPO
from rrm.agents.networks import Activation, policy_settings
from rrm.agents.state import State, Tensors, load_moments, moments, seed_process
from rrm.envs.world import Layout


class PPOLearner:
    """PPO on a ``VecEnv``. ``learn`` takes one rollout and one update, so that the caller may act in between.

    ``learn_rollout`` calls SB3's public ``PPO.learn`` for the steps of one rollout without resetting the environment:
    the sequence is the one of a single long call, but that the caller sets the pace of each rollout.

    The settings are PPO's own (Schulman et al. 2017, arXiv 1707.06347), by SB3's names; ``discount`` is its ``gamma``.
    ``net_arch`` are the widths of the hidden layers of policy and critic, each its own, with one ``activation_fn``, on
    what ``rrm.agents.networks`` makes of the observation. With a ``window`` of M steps, the sums of the next M rewards
    take the place of GAE (``rrm.agents.learners.windows``); ``judging`` then says what a step is credited with.
    """

    def __init__(
        self,
        env: VecEnv,
        layout: Layout,
        seed: int,
        *,
        n_steps: int,
        batch_size: int,
        n_epochs: int,
        learning_rate: float,
        discount: float,
        gae_lambda: float,
        clip_range: float,
        ent_coef: float,
        net_arch: tuple[int, ...],
        activation_fn: Activation = "relu",
        window: int | None = None,
        judging: Judging = "advance",
    ) -> None:
        # Not by PPO's own ``seed``: that would seed the environment's generator, too, with one and the same number.
        seed_process(seed)
        self.env = env
        self.layout = layout
        self.net_arch = net_arch
        self.activation_fn = activation_fn
        self.learning_rate = learning_rate
        self.steps_of_rollout = n_steps * env.num_envs
        self._ppo = (WindowPPO if window else PPO)(
            "MlpPolicy",
            env,
            learning_rate=learning_rate,
            n_steps=n_steps,
            batch_size=min(batch_size, self.steps_of_rollout),
            n_epochs=n_epochs,
            gamma=discount,
            gae_lambda=gae_lambda,
            clip_range=clip_range,
            ent_coef=ent_coef,
            policy_kwargs=policy_settings(layout, net_arch, activation_fn),
            rollout_buffer_class=WindowBuffer if window else None,
            rollout_buffer_kwargs={"window": window, "judging": judging} if window else None,
            device="cpu",
        )
        self._ppo.set_logger(Logger(None, []))  # without one, each call of `learn` makes a folder for its log

    def learn_rollout(self, pace: float = 1.0) -> None:
        """Take one rollout and learn from it, at ``pace`` times the learning rate."""
        self._ppo.lr_schedule = lambda _: pace * self.learning_rate
        self._ppo.learn(self.steps_of_rollout, reset_num_timesteps=False, log_interval=2)  # one rollout: logs nothing

    def agent(self) -> Agent:
        """A copy of the policy as it is now."""
        return Agent.of_policy(self._ppo.policy, self.layout, self.net_arch, self.activation_fn)

    def state(self) -> State:
        """Everything that the next rollout depends on, the environment and the global generators apart."""
        ppo = self._ppo
        tensors = {f"policy.{name}": value.clone() for name, value in ppo.policy.state_dict().items()}
        tensors |= moments(ppo.policy.optimizer)
        if ppo._last_obs is not None:
            tensors["last_observation"] = torch.from_numpy(np.array(ppo._last_obs))
            tensors["episode_starts"] = torch.from_numpy(np.array(ppo._last_episode_starts))
        if isinstance(ppo.rollout_buffer, WindowBuffer):
            tensors |= {f"waiting.{name}": torch.tensor(steps) for name, steps in ppo.rollout_buffer.waiting.items()}
        return tensors, {"num_timesteps": ppo.num_timesteps, "n_updates": ppo._n_updates}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        """Put back what ``state`` gave, into a learner made with the same settings."""
        ppo = self._ppo
        prefix = "policy."
        ppo.policy.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        load_moments(ppo.policy.optimizer, tensors)
        if isinstance(ppo.rollout_buffer, WindowBuffer):
            prefix = "waiting."
            waiting = {k.removeprefix(prefix): v.numpy().copy() for k, v in tensors.items() if k.startswith(prefix)}
            ppo.rollout_buffer.waiting = waiting
        if "last_observation" in tensors:
            ppo._last_obs = tensors["last_observation"].numpy().copy()
            ppo._last_episode_starts = tensors["episode_starts"].numpy().copy()
        ppo.num_timesteps = values["num_timesteps"]
        ppo._n_updates = values["n_updates"]

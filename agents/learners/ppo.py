"""PPO from Stable-Baselines3 as the learner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv

from rrm.agents.learners.on_policy import OnPolicyLearner
from rrm.agents.learners.windows import Judging, WindowBuffer, WindowPPO
from rrm.agents.networks import Activation, policy_settings
from rrm.agents.state import State, Tensors, as_arrays, seed_process
from rrm.envs.world import Layout


class PPOLearner(OnPolicyLearner):
    """PPO on a ``VecEnv``.

    The settings are PPO's own (Schulman et al. 2017, arXiv 1707.06347), by SB3's names; ``discount`` is its ``gamma``.
    ``net_arch`` are the widths of the hidden layers of policy and critic, each its own, with one ``activation_fn``, on
    what ``rrm.agents.networks`` makes of the observation. With a ``window`` of M steps, the sums of the next M rewards
    take the place of GAE (``rrm.agents.learners.windows``); ``judging`` then says what a step is credited with.

    Args:
        env: where it learns.
        layout: of the observations.
        seed: of the first weights and the actions.
        n_steps: of each copy, in a rollout.
        batch_size: of a gradient step.
        n_epochs: how often each step of a rollout is learnt from.
        learning_rate: of Adam, at the start.
        discount: γ.
        gae_lambda: λ of GAE.
        clip_range: ε of the clipped objective.
        ent_coef: the weight of the entropy in the loss.
        net_arch: the widths of the hidden layers.
        activation_fn: relu or tanh.
        window: M, or None for GAE.
        judging: what a step is credited with (advance, hindsight or lower), where there is a window.
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
        ppo = (WindowPPO if window else PPO)(
            "MlpPolicy",
            env,
            learning_rate=learning_rate,
            n_steps=n_steps,
            batch_size=min(batch_size, n_steps * env.num_envs),
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
        super().__init__(ppo, layout, net_arch, activation_fn)

    def state(self) -> State:
        tensors, values = super().state()
        if isinstance(self.algorithm.rollout_buffer, WindowBuffer):
            waiting = self.algorithm.rollout_buffer.waiting
            tensors |= {f"waiting.{name}": torch.tensor(steps) for name, steps in waiting.items()}
        return tensors, values

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        super().load_state(tensors, values)
        if isinstance(self.algorithm.rollout_buffer, WindowBuffer):
            waiting = {k.removeprefix("waiting."): v for k, v in tensors.items() if k.startswith("waiting.")}
            self.algorithm.rollout_buffer.waiting = as_arrays(waiting)

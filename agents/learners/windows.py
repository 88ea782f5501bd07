"""Receding windows for PPO: a step is credited with its next M rewards, and nothing is bootstrapped past them.

The advantage of a step is the sum of its next M rewards less the critic's estimate of that sum; the episode's end cuts
the sum. A rollout ends in the middle of many windows. Their steps wait, with the values and log-probabilities with
which they were taken, for later rollouts, and each is trained on once. So any number of parallel copies can be used,
with rollouts of any length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples

from rrm.envs.world import Array, Bools, Floats

Judging = Literal["advance", "hindsight", "lower"]

STEPS = ("observations", "actions", "rewards", "episode_starts", "values", "log_probs")
"""The parts of a step in SB3's buffer, (steps, copies, …)."""


def window_sums(rewards: Floats, ends: Bools, window: int, discount: float = 1.0) -> tuple[Floats, Bools]:
    """The sums of the next rewards of each step, and whether the window is whole: its rewards are all there, or the
    episode has ended within it.

    Args:
        rewards: (steps, copies).
        ends: (steps, copies) whether the episode ended with the step.
        window: how many rewards.
        discount: of each further reward.

    Returns:
        The sums, and whether the window is whole, (steps, copies) each.
    """
    steps = len(rewards)
    sums = np.zeros(rewards.shape)
    whole = np.zeros(rewards.shape, np.bool_)
    going_on = np.ones(rewards.shape, np.bool_)
    for j in range(min(window, steps)):
        alive = going_on[: steps - j]
        sums[: steps - j] += np.where(alive, discount**j * rewards[j:], 0.0)
        whole[: steps - j] |= alive & ends[j:]
        going_on[: steps - j] &= ~ends[j:]
    whole[: max(steps - window + 1, 0)] = True
    return sums, whole


def credit(rewards: Floats, ends: Bools, judging: Judging) -> tuple[Floats, Bools]:
    """The credit of each step, and whether it is known yet: both (steps, copies).

    In *advance*, its own reward. In *hindsight*, all that came of it: the sum of the rewards to the end of the episode,
    which for narrow reward is V(s_T) - V(s_t). *lower*: the lower of the two.

    Args:
        rewards: (steps, copies).
        ends: (steps, copies) whether the episode ended with the step.
        judging: advance, hindsight or lower.
    """
    if judging == "advance":
        return rewards, np.ones(rewards.shape, np.bool_)
    hindsight, known = window_sums(rewards, ends, len(rewards) + 1)
    return (hindsight if judging == "hindsight" else np.minimum(rewards, hindsight)), known


class WindowBuffer(RolloutBuffer):
    """SB3's rollout buffer with window sums in the place of GAE, and steps that wait for their window to be whole.

    Args:
        *args: those of SB3's ``RolloutBuffer``.
        window: M.
        judging: what a step is credited with.
        **settings: its keywords.
    """

    def __init__(self, *args: Any, window: int, judging: Judging = "advance", **settings: Any) -> None:
        self.window = window
        self.judging: Judging = judging
        self.waiting: dict[str, Array] = {}
        self._ready: Bools = np.zeros(0, np.bool_)
        super().__init__(*args, **settings)

    def reset(self) -> None:
        super().reset()
        if not self.waiting:
            self.waiting = {name: getattr(self, name)[:0] for name in STEPS} | {"due": np.zeros((0, self.n_envs), bool)}

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: Array) -> None:
        steps = {name: np.concatenate([self.waiting[name], getattr(self, name)]) for name in STEPS}
        due = np.concatenate([self.waiting["due"], np.ones(self.rewards.shape, np.bool_)])
        ends = np.concatenate([steps["episode_starts"][1:] > 0, np.asarray(dones, np.bool_)[None]])
        credits, known = credit(steps["rewards"].astype(np.float64), ends, self.judging)
        sums, whole = window_sums(credits, ends, self.window, self.gamma)
        # Within an episode, credits are known from its end backwards: if the last of the window is, all of them are.
        whole &= known
        self._ready = due & whole
        keep = self._first_still_due(due & ~whole)
        self.waiting = {name: steps[name][keep:].copy() for name in STEPS} | {"due": (due & ~whole)[keep:]}
        for name in STEPS:
            setattr(self, name, steps[name][self._ready])
        self.returns = sums[self._ready].astype(np.float32)
        self.advantages = self.returns - self.values

    @staticmethod
    def _first_still_due(due: Bools) -> int:
        rows = np.flatnonzero(due.any(axis=1))
        return int(rows[0]) if len(rows) else len(due)

    def __len__(self) -> int:
        """How many steps there are to train on."""
        return int(self._ready.sum())

    def get(self, batch_size: int | None = None) -> Iterator[RolloutBufferSamples]:  # type: ignore[override]
        """Minibatches of nearly equal size, as close to ``batch_size`` as possible, so that none is a small
        remainder."""
        order = np.random.permutation(len(self))
        for part in np.array_split(order, max(1, round(len(self) / (batch_size or len(self))))):
            yield self._get_samples(part)


class WindowPPO(PPO):
    """PPO on a ``WindowBuffer``: there is nothing to train on while no window is whole."""

    def train(self) -> None:
        assert isinstance(self.rollout_buffer, WindowBuffer)
        if len(self.rollout_buffer):
            super().train()

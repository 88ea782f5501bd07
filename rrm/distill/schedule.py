"""The budgets of a round, rollout by rollout: its steps, its labels and its learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

CANDIDATES = 1024
"""Candidates of a rollout among which the states to label are chosen."""

START_STATES = 8192
"""The number of states that the unaided agent visits, among which an assistant's episodes start."""


@dataclass(frozen=True)
class Schedule:
    """The budgets of one round. Every step of the world counts: start states, random play and training."""

    num_envs: int
    """Copies of the world that are stepped together."""

    n_steps: int
    """Steps of each copy in a rollout."""

    steps: int
    labels: int
    initial_labels: int
    """How many of the labels are asked before training."""

    spread: Literal["constant", "hyperbolic"]
    """How the other labels are spread over the training."""

    start_states: bool
    """Whether episodes start in states of another agent, whose steps are counted."""

    is_linear: bool
    """Whether the learning rate falls linearly to 0."""

    to_the_end: bool = False
    """Whether labels are asked in the last rollout, too: there they can be a reward, but no longer train V for one."""

    @property
    def steps_of_rollout(self) -> int:
        return self.num_envs * self.n_steps

    @property
    def start_state_steps(self) -> int:
        """Steps of the unaided agent that visit the start states."""
        return -(-START_STATES // self.num_envs) * self.num_envs if self.start_states else 0

    @property
    def random_steps(self) -> int:
        """A tenth of the steps is random play, where the first labels are asked."""
        return self.steps // 10 // self.num_envs * self.num_envs if self.labels else 0

    @property
    def rollouts(self) -> int:
        """The number of the learner's rollouts that fit into the rest of the steps."""
        return (self.steps - self.start_state_steps - self.random_steps) // self.steps_of_rollout

    def steps_due(self, rollouts: int) -> int:
        """How many steps have been taken after a number of rollouts.

        Args:
            rollouts: how many have been done.
        """
        return self.start_state_steps + self.random_steps + rollouts * self.steps_of_rollout

    def labels_due(self, rollout: int) -> int:
        """How many labels have been asked before the given rollout (0: the first): all of them before the last one, or
        after it if they are asked ``to_the_end``.

        Args:
            rollout: its number, from 0.
        """
        last, first = self.rollouts - (not self.to_the_end), self.initial_labels
        more = self.labels - first
        if rollout >= last:
            return self.labels
        if self.spread == "constant":
            return first + more * rollout // last
        # At a rate of 1 / (1 + 10 t), t from 0 to 1: that of Christiano et al. 2017 (arXiv 1706.03741), appendix A.2.
        return first + int(more * math.log1p(10 * rollout / last) / math.log(11))

    @property
    def candidates(self) -> int:
        """Among how many moments of a rollout the states to label are chosen."""
        return min(CANDIDATES, self.steps_of_rollout)

    @property
    def most_scores(self) -> int:
        """How many scores can be asked: the initial ones, and after each rollout but the last one of each candidate."""
        return self.initial_labels + (self.rollouts - 1) * self.candidates

    def total(self) -> tuple[int, int]:
        """All steps, and all labels."""
        return self.steps_due(self.rollouts), self.labels

    def pace(self, rollout: int) -> float:
        """The learning rate of a rollout, as a share of the first one's.

        Args:
            rollout: its number, from 0.
        """
        return 1 - rollout / self.rollouts if self.is_linear else 1.0

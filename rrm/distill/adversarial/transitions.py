"""Steps of demonstrations and of the learner, as they are kept for the discriminator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from rrm.envs.world import Array, Bools, World
from rrm.feedback.demonstrations import Demonstrations
from rrm.rewards.reward_net import Steps


class Transitions(NamedTuple):
    """Steps from state to state."""

    observations: Array
    """(m, d) before the steps."""
    actions: Array
    """(m, …) the actions taken."""
    next_observations: Array
    """(m, d) after the steps."""
    ended: Bools
    """(m,) whether the step led to an end that the observation shows."""

    @classmethod
    def joined(cls, parts: Iterable[Transitions]) -> Transitions:
        """All of the parts, one after the other.

        Args:
            parts: at least one.
        """
        return cls(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    @classmethod
    def of_file(cls, shown: Demonstrations, world: World) -> Transitions:
        """All steps of a file of demonstrations.

        Args:
            shown: the demonstrations.
            world: the one that they are of.
        """
        last = np.cumsum(shown.lengths) - 1
        observations = shown.observations.astype(np.float32)
        after = np.delete(observations, last - shown.lengths + 1, axis=0)
        ended = after[:, -1] > 0 if world.shows_end else np.zeros(len(after), np.bool_)
        return cls(np.delete(observations, last, axis=0), shown.actions, after, ended)

    def with_rest(self, space: spaces.Space[Any], rest: float) -> tuple[Steps, Array]:
        """The steps, and behind them one at rest for each end.

        Args:
            space: the action space.
            rest: the weight of a step at rest.

        Returns:
            The steps, and the weights (m,) of all of them: 1, or ``rest``.
        """
        taken = Steps.of(space, self.observations, self.actions, self.next_observations)
        ends = self.next_observations[self.ended]
        weights = np.concatenate([np.ones(len(self.ended)), np.full(len(ends), rest)])
        return Steps.joined([taken, Steps.at_rest(space, ends)]), weights

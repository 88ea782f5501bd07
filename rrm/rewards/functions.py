"""The rewards that a reward model gives an agent.

- *narrow*: V(s1) - V(s0) at each step.
- *broad*: V(s_T) at the end of the episode.
- *approval*: A(s0, a) at each step, where A is a model of state and action (TAMER: Knox and Stone 2009).

From each of them, the world's cost of a step is subtracted. V at an episode's end is read from its last observation,
never from the one after the reset.

**Absorbing states.** Approval may be a rate, in a world whose observations mark an early end. Without a correction, the
sign of A alone would decide whether the agent ends episodes early. So the end state counts as if it went on for ever
(Kostrikov et al. 2019, arXiv 1809.02925). With the absorbing-state weight w = γ / (1 - γ), a step gives
(1 - γ) (A(s0, a) - A0), and the last step before an end gives γ (A(end) - A0) more. Discounted, an episode adds up to
(1 - γ) Σ γ^(t-1) A - A0, where A(end) is repeated after the end. The baseline A0 is the mean of A over ends. It shifts
the return of all episodes equally. It also makes the usual reward of a step negative before an end has been found, as
with a true reward of -1 a step, so that a critic that starts at 0 is optimistic about new states.

**Optimism.** While PPO trains, V + β std replaces V in each of these rewards, where std is the standard deviation over
the members of the ensemble. β falls to 0 within the training (``Schedule.optimism``). Members disagree where there are
no labels. So the agent goes there, labels are asked for there, and V is corrected there. RUNE (Liang et al. 2022, arXiv
2205.12401) adds the same standard deviation to the reward of each step. Here it is part of the potential: a narrow
reward is still a difference, and undiscounted rewards around a loop sum to 0. A window sums the differences within it.
Broad reward gets the bonus at the end, approval gets it at each action, and A0 gets none. With
``label_target: segment`` the standard deviation is that of one step, not of a segment. If V is fitted to comparisons,
each member counts in units of its own spread, so that β means the same. The members are V's, not a committee's raters.

**Semi-supervised.** With ``estimates`` the evaluator's own scores of a share of the moments take the place of V
(``rrm.rewards.estimates``). The start of an episode is never asked about: there a narrow reward reads V, which no
action changes.

Query strategies choose among the states that the agent visits: ``query_strategy: disagreement`` asks where members
disagree once the agent is there; optimism makes it go there. They work together, and each works alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
from gymnasium import spaces

from rrm.config.values import Kind
from rrm.envs.world import Array, Bools, Floats
from rrm.feedback.clips import at_rest, with_action
from rrm.rewards.estimates import Estimates


class Model(Protocol):
    """The methods of a reward model that the rewards need."""

    baseline: float
    """A0, which is subtracted from approval where end states are absorbing."""

    def values(self, observations: Array) -> Floats:
        """V or approval (n,).

        Args:
            observations: (n, d) inputs.
        """
        ...

    def members(self, observations: Array) -> Floats:
        """The values by each member of the ensemble, (members, n).

        Args:
            observations: (n, d) inputs.
        """
        ...


class LearntReward:
    """A reward function that is made from a reward model: one of the kinds below.

    Args:
        model: V, or the model of approval.
        actions: the action space of the environment.
        step_cost: the world's cost of a step, which is subtracted from every reward.
        absorbing_weight: γ / (1 - γ) where end states are absorbing (see above), else 0.
    """

    of_actions: ClassVar[bool] = False
    """Whether the model is of a state and the action taken there, and not of a state alone."""

    bootstraps: ClassVar[bool] = True
    """Whether a learner may add the critic's value where a time limit cuts an episode short (bootstrapping)."""

    def __init__(
        self, model: Model, actions: spaces.Space[Any], step_cost: float = 0.0, absorbing_weight: float = 0.0
    ) -> None:
        self.model = model
        self.step_cost = step_cost
        self.values: Floats = np.empty(0)
        """(n,) The model's values of the last steps: V(s1), or its approval of the actions."""
        self._actions = actions
        self._absorbing_weight = absorbing_weight
        self._optimism = 0.0
        self.estimates: Estimates | None = None
        """What takes the place of the model's values; None: nothing does."""

    @property
    def optimism(self) -> float:
        """The weight of the members' standard deviation that is added to the model's values."""
        return self._optimism

    def changed(self, optimism: float) -> None:
        """Take note that the model has been fitted again, and how optimistic the reward is from now on.

        Args:
            optimism: the weight of the members' standard deviation.
        """
        self._optimism = optimism

    def __call__(
        self, observations: Array, actions: Array, next_observations: Array, done: Bools, terminated: Bools
    ) -> Floats:
        """The rewards (n,) of n steps, as ``rrm.protocols.RewardFunction`` says."""
        raise NotImplementedError

    def _read(self, inputs: Array) -> tuple[Floats, Floats]:
        """The model's values of its inputs (m, d), and the same with optimism, (m,) each."""
        if not self._optimism:
            values = self.model.values(inputs)
            return values, values
        members = self.model.members(inputs)
        values = members.mean(axis=0)
        return values, values + self._optimism * members.std(axis=0)

    def _read_present(self, inputs: Array) -> tuple[Floats, Floats]:
        """The same of the inputs (n, d) of the present moments, which may be asked about."""
        values, potentials = self._read(inputs)
        return values, potentials if self.estimates is None else self.estimates.present(potentials)


class Narrow(LearntReward):
    """V(s1) - V(s0) each step.

    V(s1) of one step is V(s0) of the next unless another episode has begun, so it is computed once.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._seen: Array = np.empty(0)
        self._potentials: Floats = np.empty(0)

    def changed(self, optimism: float) -> None:
        super().changed(optimism)
        self._seen = np.empty(0)

    def __call__(
        self, observations: Array, actions: Array, next_observations: Array, done: Bools, terminated: Bools
    ) -> Floats:
        before = self._before(observations)
        self.values, self._potentials = self._read(next_observations)
        self._seen = next_observations.copy()  # some environments write the next one into the same array
        estimates = self.estimates
        after = self._potentials if estimates is None else estimates.arrived(self.values, done, terminated)
        return after - before - self.step_cost

    def _before(self, observations: Array) -> Floats:
        """V(s0) (n,), with optimism; or the potential, where the evaluator's scores take the place of V."""
        if self.estimates is not None:
            past = self.estimates.past()
            if (begun := np.isnan(past)).any():
                past[begun] = self._read(observations[begun])[1]
            return past
        if self._seen.shape != observations.shape:
            return self._read(observations)[1]
        new = (self._seen != observations).reshape(len(observations), -1).any(axis=1)
        potentials = self._potentials
        if new.any():
            potentials = potentials.copy()
            potentials[new] = self._read(observations[new])[1]
        return potentials


class Broad(LearntReward):
    """V(s_T) at the end of the episode, and nothing before."""

    bootstraps = False

    def __call__(
        self, observations: Array, actions: Array, next_observations: Array, done: Bools, terminated: Bools
    ) -> Floats:
        self.values, potentials = self._read_present(next_observations)
        return np.where(done, potentials, 0.0) - self.step_cost


class Approval(LearntReward):
    """The model's approval of each action in the state in which it was taken."""

    of_actions = True

    def __call__(
        self, observations: Array, actions: Array, next_observations: Array, done: Bools, terminated: Bools
    ) -> Floats:
        self.values, rewards = self._read_present(with_action(observations, actions, self._actions))
        if self._absorbing_weight:
            rewards = rewards - self.model.baseline
            if len(ended := np.flatnonzero(terminated)):
                _, end = self._read(at_rest(next_observations[ended], self._actions))
                rewards[ended] += self._absorbing_weight * (end - self.model.baseline)
            rewards = rewards / (1 + self._absorbing_weight)
        return rewards - self.step_cost


REWARDS: Mapping[Kind, type[LearntReward]] = {"narrow": Narrow, "broad": Broad, "approval": Approval}
"""The kinds of learnt reward. The oracle's reward is not among them: it is the difference of the true utility, which
no function of observations can know (``rrm.distill.episode_metrics``)."""


class Predictions:
    """A learnt reward that also records the model's prediction for each episode: V(s_T), or the mean approval.

    Args:
        reward: the reward, which is handed on as it is.
        n: how many copies step together.
    """

    def __init__(self, reward: LearntReward, n: int) -> None:
        self.reward = reward
        self.tally: Floats = np.zeros((n, 2))
        """Approval so far in each copy's episode, and its steps."""
        self._finished: list[float] = []

    def __call__(
        self, observations: Array, actions: Array, next_observations: Array, done: Bools, terminated: Bools
    ) -> Floats:
        rewards = self.reward(observations, actions, next_observations, done, terminated)
        ended = np.flatnonzero(done)
        if self.reward.of_actions:
            self.tally += np.stack([self.reward.values, np.ones(len(done))], axis=1)
            means = self.tally[ended, 0] / self.tally[ended, 1]
            self._finished += means.tolist()
            self.tally[ended] = 0
        else:
            self._finished += self.reward.values[ended].tolist()
        return rewards

    def finished(self) -> float | None:
        """The mean over the episodes that have ended since this was last asked; None where there are none."""
        finished, self._finished = self._finished, []
        return float(np.mean(finished)) if finished else None

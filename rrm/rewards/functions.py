"""What an agent is paid from a reward model.

narrow: V(s1) - V(s0) each step. broad: V(s_T) at the end of the episode. approval: A(s0, a) each step, of a model of
state and action (TAMER: Knox and Stone 2009). In all, the world's cost of a step is subtracted outside the model.
V(s1) at an episode's end is that of its last observation, never of the one after the reset.

Where approval is a rate and an observation says of itself that it is an end, what comes after counts, as it does in
narrow reward: as that moment again and again (Kostrikov et al. 2019, arXiv 1809.02925, on absorbing states). With
``rest`` = γ / (1 - γ), a step pays (1 - γ) (A(s0, a) - A0), and the last one before an end γ (A(end) - A0) more: in
all (1 - γ) Σ γ^(t-1) A of an episode that never stops, less A0. So whether to stay alive is what A says, not what its
sign happens to be. A0, what A says of ends on average, shifts all episodes alike. It has one who has yet to find an end
paid for each step what the way there costs, so that a critic that starts at 0 hopes for more where it has not been, as
with a true reward of -1 a step.

Optimism: while PPO trains, V is replaced by V + β std, the standard deviation over the members of the ensemble, in each
of these rewards; β falls to 0 within the training (``Plan.optimism``). The members disagree where there are no labels,
so the agent goes there, is asked about there, and V is corrected there. RUNE (Liang et al. 2022, arXiv 2205.12401) adds
the same standard deviation to the reward of each step. Here it is part of the potential: a narrow reward is still a
difference, and undiscounted rewards of a loop sum to 0. A window sums the differences within it. Broad reward has the
bonus at the end, approval for each action; A0 has none. With ``label_target: segment`` the standard deviation is that
of the moment, not of a segment. Fitted to comparisons, each member counts in units of its own spread, so that β means
the same. Of a committee it is V's members that count, not the raters.

Query strategies choose among the states that the agent visits: ``query_strategy: disagreement`` asks where members
disagree once the agent is there, optimism makes it go there. They work together, and either works alone.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from gymnasium import spaces

from rrm.config.values import Kind
from rrm.envs.world import Array, Bools, Floats
from rrm.feedback.clips import at_rest, with_action


class Values(Protocol):
    """What the rewards need of a reward model."""

    zero: float
    """A0, where approval pays for what comes after an end."""

    def values(self, observations: Array) -> Floats: ...

    def members(self, observations: Array) -> Floats: ...


def reward_of_step(kind: Kind, before: Floats, after: Floats, done: Bools) -> Floats:
    """The narrow or broad rewards (n,) of one step, given V before and after it (n,) and whether the episode ended."""
    return after - before if kind == "narrow" else np.where(done, after, 0.0)


class Payer:
    """Pays the steps of n copies, one after the other: what both wrappers of ``rrm.rewards.wrappers`` share.

    ``last`` holds the observations before the step (n, d), ``values`` what V says of them (n,); in approval, what the
    model says of the last actions. ``potentials`` (n,) are ``values`` plus ``optimism`` times the members' standard
    deviation: what the rewards are made of.
    """

    def __init__(self, model: Values, kind: Kind, actions: spaces.Space[Any], step_cost: float, rest: float) -> None:
        self.model = model
        self.kind = kind
        self.step_cost = step_cost
        self._rest = rest
        self._actions = actions
        self.last: Array = np.empty(0)
        self.values: Floats = np.empty(0)
        self.potentials: Floats = np.empty(0)
        self.optimism = 0.0

    def begin(self, observations: Array) -> None:
        """Take the present observations (n, d) as those before the next step; read V of them again."""
        self.last = observations
        if self.kind != "approval":
            self.values, self.potentials = self._read(observations)

    def begin_again(self, which: Array, observations: Array) -> None:
        """The same for the copies ``which`` (k,) alone, of all ``observations`` (n, d)."""
        self.last = observations
        if self.kind != "approval":
            self.values, self.potentials = self.values.copy(), self.potentials.copy()
            self.values[which], self.potentials[which] = self._read(observations[which])

    def pay(self, actions: Array, observations: Array, done: Bools, terminated: Bools) -> Floats:
        """The rewards (n,) of a step that led to ``observations`` (n, d): the last ones, where the episode is done.

        ``terminated`` says where it ended by itself: where a limit cut it short, nothing comes after.
        """
        if self.kind == "approval":
            self.values, rewards = self._read(with_action(self.last, actions, self._actions))
            if self._rest:
                rewards = rewards - self.model.zero
                if len(ended := np.flatnonzero(terminated)):
                    _, end = self._read(at_rest(observations[ended], self._actions))
                    rewards[ended] += self._rest * (end - self.model.zero)
                rewards = rewards / (1 + self._rest)
        else:
            before = self.potentials
            self.values, self.potentials = self._read(observations)
            rewards = reward_of_step(self.kind, before, self.potentials, done)
        self.last = observations
        return rewards - self.step_cost

    def _read(self, observations: Array) -> tuple[Floats, Floats]:
        """V of observations (m, d), and their potentials, (m,) each."""
        if not self.optimism:
            values = self.model.values(observations)
            return values, values
        members = self.model.members(observations)
        values = members.mean(axis=0)
        return values, values + self.optimism * members.std(axis=0)

"""Two assistants for any environment that can be copied, as the evaluation worlds of ``Wrapped``.

*Look ahead*: the assistant plays on from the judged state for ``look_ahead`` steps, with the environment's own actions.
The evaluator judges the state that it reaches, as it would judge this state in the task.

*Spotlight*: the episode is replayed, frame by frame, and the assistant points at ``spotlight`` of the frames. An
evaluator that sees few of the frames (``every`` and ``frames`` of ``rrm.evaluators.Flawed``) sees these frames instead;
an evaluator that sees all frames learns nothing from it. The assistant's reward is how much this changes the
evaluator's score. It cannot point at anything that was not there.

The task's evaluator judges both (``World.criterion``). The environment's own return is not used here.

Their training starts in episodes of random play, or in states that an agent visits (``amplify.start_states``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rrm.envs.spaces import random_actions
from rrm.envs.world import POINTER, Array, Bools, Floats, Indices, Layout, State
from rrm.envs.wrapped.environment import Wrapped


class _Below(Wrapped):
    """The base of the two."""

    def __init__(self, n: int, **settings: Any) -> None:
        super().__init__(n, **settings)
        self.depth = 0

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        """A moment of an episode of random play: see ``_moments``."""
        which = np.asarray(which)
        super().reset(which, rng)
        while (going := which[~self._over[which]]).size:
            self._advance(going, random_actions(self.interface.actions.space, len(going), rng))
        self._check_observed()
        t = self._moments(self.t[which], rng)
        later = np.arange(self.taken.shape[1]) >= t[:, None]
        taken = self.taken[which]
        taken[later] = 0
        self.load({"seeds": self.seeds[which], "t": t, "taken": taken}, which)

    def _moments(self, ends: Indices, rng: np.random.Generator) -> Indices:
        """The moments of start states in episodes of random play that have ended after ``ends`` (k,) steps."""
        raise NotImplementedError

    def truncated(self) -> Bools:
        """Never: an assistant does not count what comes after the end."""
        return np.zeros(self.n, np.bool_)


class LookAhead(_Below):
    """Play on from the judged state, for ``look_ahead`` steps or to the end of the episode.

    Observed is what the task's agent observes, and the share of the steps that are over.

    Args:
        n: how many copies.
        look_ahead: how many steps it plays on at most.
        **settings: those of ``Wrapped``.
    """

    parts = (*Wrapped.parts, "since")
    criterion = "evaluator"

    def __init__(self, n: int, *, look_ahead: int, **settings: Any) -> None:
        super().__init__(n, look_ahead=look_ahead, **settings)
        self.length = look_ahead
        self.layout = Layout(self.layout.size + 1)
        self.since = np.zeros(n, np.int64)
        """(n,) the step of the episode from which the assistant has played on."""

    def _moments(self, ends: Indices, rng: np.random.Generator) -> Indices:
        """Any moment but the last, from which nothing can be played."""
        return rng.integers(ends)

    def _done(self) -> Bools:
        return self._over | (self.t - self.since >= self.length)

    def observe(self) -> NDArray[np.float32]:
        return np.column_stack([super().observe(), (self.t - self.since) / self.length]).astype(np.float32)

    def load(self, state: State, which: Indices) -> None:
        """Take over a state, with a new clock unless it is one of this world's own."""
        state = {"since": state["t"], **state}
        super().load(state, which)
        self.since[which] = state["since"]


class Spotlight(_Below):
    """Go through the clip to be judged frame by frame; point at a frame (1), or do not (0).

    The last ``spotlight`` frames that were pointed at count. Observed are the present frame, those that are pointed at
    (zeros: none yet), and the share of the episode that is still to come. The first frame cannot be pointed at.

    Args:
        n: how many copies.
        spotlight: how many frames count.
        **settings: those of ``Wrapped``.
    """

    parts = (*Wrapped.parts, "end", "lit")
    criterion = "influence"
    actions = 2

    def __init__(self, n: int, *, spotlight: int, **settings: Any) -> None:
        super().__init__(n, spotlight=spotlight, **settings)
        self.fields = (*self.fields, *(f"{POINTER}{i + 1}" for i in range(spotlight)))
        self._shown: NDArray[np.float32] = np.zeros((n, spotlight, self.layout.size), np.float32)
        """What is observed of the frames that are pointed at."""
        self.layout = Layout((spotlight + 1) * self.layout.size + 1)
        self.end = np.zeros(n, np.int64)
        """(n,) the step of the episode up to which it is judged; ``t`` is the one that the replay has come to."""
        self.lit = np.full((n, spotlight), -1)
        """(n, spotlight) the frames that are pointed at, the oldest first."""

    @property
    def action_space(self) -> spaces.Space[Any]:
        return spaces.Discrete(self.actions)

    def _moments(self, ends: Indices, rng: np.random.Generator) -> Indices:
        """Half of the clips go to the end, where there is often most to be seen; the others to any moment."""
        return np.where(rng.random(len(ends)) < 0.5, ends, rng.integers(1, ends + 1))

    def _done(self) -> Bools:
        return self.t >= self.end

    def step(self, actions: Array) -> Bools:
        going = np.flatnonzero(~self._done())
        self._advance(going, self.taken[going, self.t[going]])
        self._check_observed()
        which = going[np.asarray(actions)[going] == 1]
        self.lit[which] = np.column_stack([self.lit[which, 1:], self.t[which]])
        self._shown[which] = np.concatenate([self._shown[which, 1:], super().observe()[which, None]], axis=1)
        return self._done()

    def observe(self) -> NDArray[np.float32]:
        left = (self.end - self.t) / self.length
        return np.column_stack([super().observe(), self._shown.reshape(self.n, -1), left]).astype(np.float32)

    def view(self) -> Floats:
        return np.column_stack([super().view(), self.lit])

    def load(self, state: State, which: Indices) -> None:
        """Take over an episode, to be replayed from its start; or one of this world's own states."""
        which = np.asarray(which)
        if "end" not in state:
            start = {"t": np.zeros_like(state["t"]), "lit": np.full((len(which), self.lit.shape[1]), -1)}
            state = {**state, "end": state["t"], **start}
        self.seeds[which] = -1  # so that all of it is replayed, and what was pointed at is seen again
        self.lit[which], self.end[which], self._shown[which] = state["lit"], state["end"], 0
        super().load(state, which)
        self.taken[which] = state["taken"]

    def _advance(self, which: Indices, actions: Array) -> None:
        super()._advance(which, actions)
        row, column = np.nonzero(self.lit[which] == self.t[which, None])
        if len(row):
            self._shown[which[row], column] = super().observe()[which[row]]


Wrapped.helpers["look_ahead"] = LookAhead
Wrapped.helpers["spotlight"] = Spotlight

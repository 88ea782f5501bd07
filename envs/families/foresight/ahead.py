"""The evaluation worlds of Foresight: play on in the corridor that an agent chose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rrm.envs.exact import Rows, Table
from rrm.envs.families.foresight.corridors import (
    AHEAD,
    DOOR,
    LOOK,
    NODE,
    PLACES,
    STEPS,
    TRAP,
    WAIT,
    WORTH,
    below,
    ideal,
)
from rrm.envs.families.foresight.state import ForesightWorld
from rrm.envs.families.foresight.table import ahead_table
from rrm.envs.palette import ASSISTANT
from rrm.envs.settings import check_range
from rrm.envs.world import Array, Bools, Floats, Indices, State


class ForesightAhead(ForesightWorld):
    """Play on for a few steps in the corridor that an agent chose, so that the evaluator sees where it leads.

    Args:
        n: how many copies.
        level: how many assistants play on in the end, this one among them.
        kappas: the lowest and the highest kappa: the step at which the corridors show what they are worth.
        visits: how many doors the agent chooses.
        m: the steps that an assistant plays on.
    """

    parts = (*ForesightWorld.parts, "level")
    scripts = ("ideal", "repeated")
    discount = 1.0  # its clock is what ends its foresight
    robot = ASSISTANT

    def __init__(self, n: int, level: int = 1, kappas: Sequence[int] = (2, 6), visits: int = 3, m: int = 1) -> None:
        super().__init__(n, level=level, kappas=kappas, visits=visits, m=m)
        check_range(1, 100, level=level)
        self.length = m
        self.level = np.full(n, level, np.intp)
        """Whose state it is: the clock of any other world's is not this one's."""

    @property
    def _level(self) -> int:
        return int(self.settings["level"])

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        """Any place of any visit, half of the time in the climb; random doors were chosen in the visits before."""
        drawn = rng.random((len(which), 2 * self.visits + 2))
        kappas = self._draw_kappas(drawn[:, : self.visits])
        visit = (drawn[:, -1] * self.visits).astype(np.intp)
        kappa = kappas[np.arange(len(which)), visit]
        node = (drawn[:, -2, None] >= PLACES[kappa].cumsum(axis=1)[:, :-1]).sum(axis=1)
        doors = (4 * drawn[:, self.visits : 2 * self.visits]).astype(np.intp)
        ends = np.array([NODE[door, STEPS, 0] for door in range(4)])[doors]
        before = np.arange(self.visits) < visit[:, None]
        self.kappas[which], self.visit[which], self.node[which] = kappas, visit, node
        self.banked[which] = (before * LOOK[kappas, ends]).sum(axis=1)
        self.worth[which] = (before * WORTH[ends]).sum(axis=1)
        self.trapped[which] = (before & (doors == TRAP)).any(axis=1) | (DOOR[node] == TRAP)
        self.t[which] = 0

    def load(self, state: State, which: Indices) -> None:
        """Take over a corridor, with a new clock unless the state is of an evaluation world of the same level."""
        other = state.get("level", np.zeros_like(state["t"])) != self._level
        super().load({**state, "level": np.full_like(state["t"], self._level)}, which)
        self.t[np.asarray(which)[other]] = 0

    def step(self, actions: Array) -> Bools:
        actions = np.where(self.t < self.length, actions, WAIT)
        self.node = AHEAD.ravel().take(self._place() * (WAIT + 1) + actions)
        self.t += actions != WAIT
        return self.t >= self.length

    def utility(self) -> Floats:
        """X as it will be after the ideal assistants of the levels below have played on."""
        return np.asarray((self.banked + below(self._level, self.m).ravel().take(self._place())) / 10)

    def hacked(self) -> Bools:
        return np.zeros(self.n, np.bool_)

    def script(self, name: str) -> Array:
        """``ideal`` does what makes X highest after the ideal assistants of the levels below have played on too.

        ``repeated`` is a control: the ideal assistant of level 1, whatever level it stands at.
        """
        if name not in self.scripts:
            return super().script(name)
        plan = ideal(self._level if name == "ideal" else 1, self.m)
        return np.asarray(plan.reshape(len(plan), -1)[self.length - self.t, self._place()])

    def rows(self) -> Rows:
        return np.stack([self.kappas[np.arange(self.n), self.visit], self.node, self.banked], axis=1)

    def table(self) -> Table:
        """The exact table; its scores are with the help of the levels below this one."""
        return ahead_table(self._level, self.low, self.high, self.visits, self.m)

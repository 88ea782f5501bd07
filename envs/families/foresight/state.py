"""What the task and the evaluation worlds of Foresight share: the state, its observation, its view and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rrm.envs.families.foresight.corridors import DOOR, DOORS, HUB, LOOK, NEVER, NODES, SCENE
from rrm.envs.families.foresight.drawing import draw_corridors, write_corridors
from rrm.envs.paint import Colour
from rrm.envs.palette import AGENT
from rrm.envs.settings import check_range
from rrm.envs.world import Floats, Indices, Layout, World


class ForesightWorld(World):
    """A visit to the corridors, and what the visits before have come to.

    Args:
        n: how many copies.
        kappas: the lowest and the highest kappa: the step at which the corridors show what they are worth.
        visits: how many doors are chosen.
        m: the steps that an assistant plays on.
        **settings: those of the subclass.
    """

    actions = 4
    fields = ("banked", "look")
    parts: ClassVar[tuple[str, ...]] = ("node", "visit", "kappas", "banked", "worth", "trapped", "t")
    """``worth``: the sum of the visits that are over."""
    robot: ClassVar[Colour] = AGENT

    def __init__(self, n: int, *, kappas: Sequence[int], visits: int, m: int, **settings: Any) -> None:
        super().__init__(n, kappas=list(kappas), visits=visits, m=m, **settings)
        if len(kappas) != 2 or not 1 <= kappas[0] <= kappas[1] <= NEVER:
            raise ValueError(f"kappas must be the lowest and the highest of 1 to {NEVER}, got {list(kappas)}")
        check_range(1, 100, visits=visits, m=m)
        self.low, self.high = kappas
        self.visits, self.m = visits, m
        self.layout = Layout(scalars=SCENE.shape[1])
        self.bounds = (-2.0 * visits, 2.0 * visits)
        self.node, self.visit, self.banked, self.worth, self.t = (np.zeros(n, np.intp) for _ in range(5))
        self.kappas = np.full((n, visits), self.low, np.intp)
        self.trapped = np.zeros(n, np.bool_)

    def _place(self) -> Indices:
        """(n,) kappa of the visit and node as one index, into tables whose first two axes are one."""
        kappa = self.kappas.ravel().take(np.arange(self.n) * self.visits + self.visit)
        return np.asarray(kappa * len(NODES) + self.node)

    def _looks(self) -> Indices:
        return LOOK.ravel().take(self._place())

    def _draw_kappas(self, drawn: Floats) -> Indices:
        return np.asarray(self.low + (drawn * (self.high - self.low + 1)).astype(np.intp))

    def redraw(self, which: Indices, rng: np.random.Generator) -> None:
        """The kappas of later visits: that of the present one is observed."""
        later = np.arange(self.visits) > self.visit[which, None]
        drawn = self._draw_kappas(rng.random((len(which), self.visits)))
        self.kappas[which] = np.where(later, drawn, self.kappas[which])

    def observe(self) -> NDArray[np.float32]:
        """Hub or which door; kappa of the visit; step, and at which step the climb was left; banked; t/T."""
        seen = SCENE.take(self._place(), axis=0)
        seen[:, -2] = self.banked / 30
        seen[:, -1] = self.t / self.length
        return seen

    def view(self) -> Floats:
        return np.stack([self.banked, self._looks()], axis=1) / 10

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        """X, what is banked and how it looks: as the last assistant left it if there was one."""
        return np.asarray((view if evidence is None else evidence).sum(axis=1))

    def draw(self, i: int) -> NDArray[np.uint8]:
        """The four corridors and how they look step by step; how they look ahead is pale, and a blue line is kappa."""
        kappa, node, x = int(self.kappas[i, self.visit[i]]), int(self.node[i]), int(self.banked[i] + self._looks()[i])
        gone = int(self.t[i]) / self.length
        return draw_corridors(kappa, node, int(self.visit[i]), self.visits, x, gone, self.robot)

    def text(self, i: int) -> str:
        """The four corridors, how each step of them looks, and where the agent is."""
        kappa, node = int(self.kappas[i, self.visit[i]]), int(self.node[i])
        lines = [f"visit {self.visit[i] + 1} of {self.visits}, kappa {kappa}, banked {self.banked[i] / 10:g}"]
        lines += write_corridors(kappa, node)
        lines.append(
            f"{'in the hub' if node == HUB else 'in the ' + DOORS[DOOR[node]]}, step {self.t[i]} of {self.length}"
        )
        return "\n".join(lines)

"""The assistants' world of SortingNetwork: choose the next bit of an input on which a network fails."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rrm.envs.exact import Table
from rrm.envs.families.sorting_network.drawing import diagram, draw_searched
from rrm.envs.families.sorting_network.network import NetworkWorld
from rrm.envs.families.sorting_network.table import WIDEST, search_table
from rrm.envs.world import Array, Bools, Floats, Indices, Layout, State


class InputSearch(NetworkWorld):
    """Choose the next bit of an input, so that the evaluator sees the network fail when it runs it.

    Args:
        n: how many copies.
        width: how many wires there are.
        length: the most comparators that a network has.
        level: which bit is to be chosen, counted from the end.
        reruns: whether the evaluator runs the input that was found.
    """

    fields = ("input", "unsorted")
    parts = (*NetworkWorld.parts, "input", "fixed")
    scripts = ("ideal",)
    actions = 2
    length = 1

    def __init__(self, n: int, width: int = 5, length: int = 9, level: int = 1, reruns: bool = True) -> None:
        super().__init__(n, width=width, length=length, level=level, reruns=reruns)
        if not 1 <= level <= width:
            raise ValueError(f"level must be 1 to width, which is {width}, got {level}")
        self.level, self.reruns = level, reruns
        self.layout = Layout(2**level + 1)
        # The input, its bits from the first on; so many of them are fixed, the rest is left to chance.
        self.input = np.zeros(n, np.uint8)
        self.fixed = np.full(n, width - level, np.int8)

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        """Any number of comparators, each as likely as any other, and any first bits."""
        drawn = rng.random((len(which), 2 + self.slots))  # one draw a copy
        built = np.arange(self.slots) < ((self.slots + 1) * drawn[:, :1]).astype(np.intp)
        self.log[which] = np.where(built, (self.none * drawn[:, 2:]).astype(np.int8), self.none)
        out: Array = np.tile(np.arange(self.inputs, dtype=np.uint8), (len(which), 1))
        for actions in self.log[which].T:
            out = self._run(actions.astype(np.intp), out)
        self.out[which] = out
        self.input[which] = self.inputs * drawn[:, 1]
        self.fixed[which] = self.width - self.level

    def load(self, state: State, which: Indices) -> None:
        """Take over a network, with the input that the evaluator drew, unless an assistant has chosen bits of it."""
        if "luck" in state:
            drawn = state["luck"][np.arange(len(which)), state["t"]]
            state = {"out": state["out"], "log": state["log"], "input": drawn, "fixed": np.zeros(len(which), np.int8)}
        super().load(state, which)
        self.fixed[which] = np.maximum(self.fixed[which], self.width - self.level)

    def _chosen(self) -> Bools:
        chosen: Bools = self.fixed > self.width - self.level
        return chosen

    def _failing(self) -> Bools:
        """(n, 2^level) which inputs, of those that begin with the bits before, fail and can still be reached."""
        last = np.arange(2**self.level)
        inputs = (self.input.astype(np.intp) >> self.level << self.level)[:, None] + last
        away = self._chosen()[:, None] & ((last ^ self.input[:, None]) >> self.level - 1 & 1 > 0)
        failing: Bools = ~self.wiring.ordered.take(np.take_along_axis(self.out, inputs, axis=1)) & ~away
        return failing

    def step(self, actions: Array) -> Bools:
        bit = 1 << self.level - 1
        chosen = self._chosen()
        self.input = np.where(chosen, self.input, self.input & ~np.uint8(bit) | np.asarray(actions) * bit)
        self.input = self.input.astype(np.uint8)
        self.fixed += ~chosen
        return self._chosen()

    def observe(self) -> NDArray[np.float32]:
        """For each way to go on from the bits so far: 1 if it can still be gone and the network fails; then t / T."""
        return np.column_stack([self._failing(), self._chosen()]).astype(np.float32)

    def view(self) -> Floats:
        """The input as a number, its unchosen bits drawn at random, and whether the evaluator saw it unsorted."""
        result = self.out[np.arange(self.n), self.input]
        return np.stack([self.input, ~self.wiring.ordered[result] & self.reruns], axis=1).astype(np.float64)

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        """Whether the input came out unsorted."""
        return (view if evidence is None else evidence)[:, InputSearch.fields.index("unsorted")].copy()

    def utility(self) -> Floats:
        """Whether there still is an input that fails to be found."""
        return np.asarray(self._failing().any(axis=1), np.float64)

    def hacked(self) -> Bools:
        return np.zeros(self.n, bool)

    def script(self, name: str) -> Array:
        """``ideal`` leaves the most failures to be found: at least one if there is any, and the most by random bits."""
        if name not in self.scripts:
            return super().script(name)
        return np.asarray(self._failing().reshape(self.n, 2, -1).sum(axis=2).argmax(axis=1))

    def table(self) -> Table | None:
        if self.width > WIDEST:
            return None
        return search_table(self.width, self.slots, self.level, self.reruns)

    def rows(self) -> Array:
        if self.width > WIDEST:
            return super().rows()
        return np.column_stack([self._failing() @ (1 << np.arange(2**self.level)), self._chosen()])

    def draw(self, i: int) -> NDArray[np.uint8]:
        """The network with the input running through it; below it a square for each input, red where unsorted."""
        value, fixed, gone = int(self.input[i]), int(self.fixed[i]), float(self._chosen()[i])
        return draw_searched(self.wiring, self.log[i], self._unsorted()[i], value, fixed, self.level, gone)

    def text(self, i: int) -> str:
        """The network, the input, and what comes out."""
        bits, result = (f"{int(value):0{self.width}b}" for value in (self.input[i], self.out[i, self.input[i]]))
        fixed = int(self.fixed[i])
        how = "sorted" if self.wiring.ordered[int(result, 2)] else "unsorted"
        return "\n".join(
            [
                *diagram(self.wiring, self.log[i]),
                f"input {bits[:fixed]}({bits[fixed:]}) comes out as {result}, {how}",
                "(…) bits left to chance",
            ]
        )

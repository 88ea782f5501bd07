"""A board game as a world: one agent against an opponent who moves at random.

The agent moves first or second, by chance, and puts a stone on an empty cell; then the opponent puts one on an empty
cell, each equally likely. Where the cell of the agent's action is not empty, the next empty one is taken, in the order
of their numbers, beginning again after the last. The utility is the outcome: 1 for a win, 0 for a draw, -1 for a loss.
Everything is in view, so the evaluator's score is the outcome, too, nobody has to help, and there is no hack.

An agent that beats this opponent may lose to others: ``rrm.envs.games.certificate`` says what it gets at least.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rrm.envs.games.boards import Game, Moved, Positions, make_game
from rrm.envs.paint import blank, box, disc, paint, picture
from rrm.envs.palette import AGENT, FLOOR, INK, WHITE
from rrm.envs.world import Array, Bools, Floats, Indices, Layout, World

CELL = 48
"""Pixels."""


class BoardGame(World):
    """A game of Hex or tic-tac-toe against an opponent who moves at random.

    Args:
        n: how many copies.
        game: one of ``rrm.envs.games.GAMES``.
    """

    parts: ClassVar[tuple[str, ...]] = ("position", "outcome", "t", "luck")
    defines_hacks: ClassVar[bool] = False
    bounds = (0.0, 1.0)

    def __init__(self, n: int, game: str = "hex3") -> None:
        super().__init__(n, game=game)
        self.game: Game = make_game(game)
        self.actions = self.game.cells
        self.length = (self.game.cells + 1) // 2
        self.layout = Layout(scalars=2 * self.game.cells)
        self.fields = ("outcome", *(f"cell{i}" for i in range(self.game.cells)))
        self.position: Positions = np.zeros((n, 2), np.int64)
        """As the agent sees the board: its own cells, and those of the opponent."""
        self.outcome = np.zeros(n)
        self.t = np.zeros(n, np.int16)
        self.luck = np.zeros((n, self.length + 1))
        """What the opponent's moves are drawn by: the answer to each move of the agent, and the opening."""

    @property
    def name(self) -> str:
        return self.game.name

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        drawn = rng.random((len(which), self.length + 2))
        self.position[which], self.outcome[which], self.t[which] = 0, 0, 0
        self.luck[which] = drawn[:, 1:]
        second = which[drawn[:, 0] < 0.5]
        self.position[second] = self._answered(self.position[second], self.luck[second, -1]).positions

    def step(self, actions: Array) -> Bools:
        going = np.flatnonzero(~self._over())
        after = self.game.move(
            self.position[going], playable(self.game, self.position[going], np.asarray(actions)[going])
        )
        self.outcome[going] = np.where(after.value < 0, 1.0, 0.0)
        self.position[going] = self.game.seen_by_other(after.positions)
        on = going[~after.over]
        answer = self._answered(after.positions[~after.over], self.luck[on, self.t[on]])
        self.position[on], self.outcome[on] = answer.positions, answer.value
        self.t[going] += 1
        return self._over()

    def _answered(self, positions: Positions, luck: Floats) -> Moved:
        """The opponent moves, in positions as it sees them."""
        legal = self.game.legal(positions)
        nth = (luck * legal.sum(axis=1)).astype(np.intp)
        return self.game.move(positions, (legal.cumsum(axis=1) > nth[:, None]).argmax(axis=1))

    def _over(self) -> Bools:
        return np.asarray((self.outcome != 0) | ~self.game.legal(self.position).any(axis=1))

    def observe(self) -> NDArray[np.float32]:
        """A 1 for each stone: the agent's, then the opponent's. In Hex the agent connects top and bottom."""
        return self.game.planes(self.position)

    def view(self) -> Floats:
        """The outcome, 0 before the end; and each cell: 1 the agent's, -1 the opponent's, 0 empty."""
        mine, theirs = np.split(self.game.planes(self.position).astype(np.float64), 2, axis=1)
        return np.concatenate([self.outcome[:, None], mine - theirs], axis=1)

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        return view[:, 0].copy()

    def utility(self) -> Floats:
        return self.outcome.copy()

    def hacked(self) -> Bools:
        return np.zeros(self.n, np.bool_)

    def redraw(self, which: Indices, rng: np.random.Generator) -> None:
        """The opponent's moves to come."""
        self.luck[which] = rng.random((len(which), self.length + 1))

    def draw(self, i: int) -> NDArray[np.uint8]:
        """The board; in Hex each row is half a cell to the right of the one above."""
        size, slant = self.game.size, 0 if self.game.name == "tictactoe" else CELL // 2
        mine, theirs = self.game.planes(self.position[i : i + 1]).reshape(2, size, size)
        canvas = blank(size * CELL, size * CELL + (size - 1) * slant, FLOOR)
        height, width = canvas.shape[:2]
        for row in range(size):
            for column in range(size):
                left, top = column * CELL + row * slant, row * CELL
                paint(canvas, box(height, width, left + 2, top + 2, left + CELL - 2, top + CELL - 2, 6), WHITE)
                for stones, colour in ((mine, AGENT), (theirs, INK)):
                    if stones[row, column]:
                        disc(canvas, left + CELL / 2, top + CELL / 2, CELL / 3, colour)
        return picture(canvas)

    def text(self, i: int) -> str:
        """The board as the agent sees it: x its own stones, o the opponent's."""
        cells = self.view()[i, 1:].astype(int)
        slant = 0 if self.game.name == "tictactoe" else 1
        rows = [{1: "x", 0: ".", -1: "o"}[value] for value in cells.tolist()]
        size = self.game.size
        return "\n".join(" " * (slant * r) + " ".join(rows[r * size : (r + 1) * size]) for r in range(size))


def playable(game: Game, positions: Positions, cells: Indices) -> Indices:
    """The cells themselves where they are empty, else the next empty ones, (m,).

    Args:
        game: the game.
        positions: (m, 2).
        cells: (m,).
    """
    order = (cells[:, None] + np.arange(game.cells)) % game.cells
    empty = np.take_along_axis(game.legal(positions), order, axis=1)
    return np.asarray(np.take_along_axis(order, empty.argmax(axis=1)[:, None], axis=1)[:, 0])

"""The rules of the games: which stones win, what is legal, and where a move leads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rrm.envs.world import Array, Bools, Floats, Indices

Positions = NDArray[np.int64]
"""(m, 2) the cells of whoever is to move, and those of the other: bit c is set where there is a stone on cell c."""


class Moved(NamedTuple):
    """Where moves lead."""

    positions: Positions
    """(m, 2) seen by the other player, who is to move."""
    over: Bools
    """(m,)"""
    value: Floats
    """(m,) where it is over, the outcome for the player who would be to move: -1 where the move has won, else 0."""


class Game:
    """A game in which two players put a stone on an empty cell in turn, and the first to own a winning set wins.

    Args:
        name: of the game.
        size: n, of a board of n × n cells.
        won: (2^cells,) whether a player who owns these cells has won.
        turned: (2^cells,) the same cells as the other player sees the board.
    """

    def __init__(self, name: str, size: int, won: Bools, turned: Indices) -> None:
        self.name, self.size, self.cells = name, size, size * size
        self.won, self.turned = won, turned
        self._full = (1 << self.cells) - 1

    def start(self, n: int = 1) -> Positions:
        """Empty boards (n, 2).

        Args:
            n: how many.
        """
        return np.zeros((n, 2), np.int64)

    def legal(self, positions: Positions) -> Bools:
        """Which cells are empty, (m, cells).

        Args:
            positions: (m, 2).
        """
        return np.asarray((positions.sum(axis=1)[:, None] >> np.arange(self.cells)) & 1 == 0)

    def move(self, positions: Positions, cells: Indices) -> Moved:
        """The positions after a stone was put on one empty cell of each.

        Args:
            positions: (m, 2).
            cells: (m,) the empty cells.
        """
        mine = positions[:, 0] | (np.int64(1) << cells)
        theirs = positions[:, 1]
        won = self.won[mine]
        after = self.seen_by_other(np.stack([mine, theirs], axis=1))
        return Moved(after, won | ((mine | theirs) == self._full), np.where(won, -1.0, 0.0))

    def seen_by_other(self, positions: Positions) -> Positions:
        """The same boards, as the other player sees them, (m, 2).

        Args:
            positions: (m, 2).
        """
        return self.turned[positions[:, ::-1]].astype(np.int64)

    def planes(self, positions: Positions) -> NDArray[np.float32]:
        """A 1 for each stone, those of whoever is to move first: (m, 2 · cells).

        Args:
            positions: (m, 2).
        """
        bits = (positions[:, :, None] >> np.arange(self.cells)) & 1
        return bits.reshape(len(positions), -1).astype(np.float32)


def _boards(size: int) -> Array:
    """(2^cells, n, n) all sets of cells."""
    cells = size * size
    return ((np.arange(1 << cells)[:, None] >> np.arange(cells)) & 1).astype(np.bool_).reshape(-1, size, size)


def _hex_game(size: int) -> Game:
    """Hex: whoever is to move connects top and bottom. The board is transposed at each move, for the other's sides.

    A cell touches those beside it, above and below, and two of the four on its diagonals.
    """
    boards = _boards(size)
    reached = np.zeros_like(boards)
    reached[:, 0] = boards[:, 0]
    for _ in range(size * size):
        grown = reached.copy()
        for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1)):
            grown[_shifted(size, down, right)] |= reached[_shifted(size, -down, -right)]
        reached = grown & boards
    cells = boards.transpose(0, 2, 1).reshape(len(boards), -1)
    turned = (cells << np.arange(size * size)).sum(axis=1)
    return Game(f"hex{size}", size, np.asarray(reached[:, -1].any(axis=1)), turned)


def _shifted(size: int, down: int, right: int) -> tuple[slice, slice, slice]:
    """All boards, moved by this much; what leaves the board is dropped."""
    return (
        slice(None),
        slice(max(0, down), size - max(0, -down)),
        slice(max(0, right), size - max(0, -right)),
    )


def _tic_tac_toe(size: int = 3) -> Game:
    """Tic-tac-toe: a row, a column or a diagonal of one's own wins."""
    boards = _boards(size)
    down = np.arange(size)
    diagonals = [boards[:, down, down], boards[:, down, down[::-1]]]
    lines = np.stack([*boards.transpose(1, 0, 2), *boards.transpose(2, 0, 1), *diagonals])  # (lines, boards, n)
    return Game("tictactoe", size, np.asarray(lines.all(axis=2).any(axis=0)), np.arange(len(boards)))


GAMES: Final[dict[str, Callable[[], Game]]] = {
    "hex2": lambda: _hex_game(2),
    "hex3": lambda: _hex_game(3),
    "hex4": lambda: _hex_game(4),
    "tictactoe": _tic_tac_toe,
}


@cache
def make_game(name: str) -> Game:
    """A game by its name; the same object at each call.

    Args:
        name: one of ``GAMES``.

    Raises:
        ValueError: there is no such game.
    """
    if name not in GAMES:
        raise ValueError(f"{name!r} is no game; there are {', '.join(GAMES)}")
    return GAMES[name]()

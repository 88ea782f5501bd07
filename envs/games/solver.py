"""Solves a game exactly: the value and the best moves of every position, from the last positions backwards."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rrm.envs.games.boards import Game, Positions
from rrm.envs.world import Bools


class Solved(NamedTuple):
    """All reachable positions of an unfinished game, the start first."""

    positions: Positions
    """(m, 2)"""
    values: NDArray[np.int8]
    """(m,) 1 where whoever is to move wins, -1 where the other does, 0 for a draw; both play their best."""
    best: Bools
    """(m, cells) the moves that keep this value."""

    @property
    def value(self) -> int:
        """That of the start."""
        return int(self.values[0])

    def decisive(self, game: Game) -> Bools:
        """The positions in which some legal move is worse than another, (m,).

        Args:
            game: the one that was solved.
        """
        return np.asarray((game.legal(self.positions) & ~self.best).any(axis=1))


UNKNOWN = np.int8(-2)
"""Less than any value: that of a move that is not legal."""


def solve(game: Game) -> Solved:
    """All positions of a game with their values and best moves. 3 × 3 cells take a moment, Hex on 4 × 4 cells half a
    minute and 1.5 gigabytes.

    Args:
        game: the game.
    """
    cells = np.arange(game.cells)
    masks = np.arange(1 << game.cells)
    # A position is found by its number in base 3: which cells are whose.
    base3 = (((masks[:, None] >> cells) & 1) * 3**cells).sum(axis=1)

    def number(positions: Positions) -> NDArray[np.int64]:
        return np.asarray(base3[positions[:, 0]] + 2 * base3[positions[:, 1]])

    place = np.zeros(3**game.cells, np.int32)  # of a position within its layer, by its number
    layers = [game.start()]
    while len(layers[-1]):
        reached = [after.positions[~after.over] for after in (game.move(*each) for each in _moves(game, layers[-1]))]
        arrived = np.concatenate(reached)
        numbers = number(arrived)
        place[numbers] = np.arange(len(arrived))
        layers.append(arrived[place[numbers] == np.arange(len(arrived))])  # one of those that are the same

    values: list[NDArray[np.int8]] = []
    best: list[Bools] = []
    later = np.zeros(0, np.int8)
    for layer, after in zip(layers[-2::-1], layers[:0:-1], strict=True):
        place[number(after)] = np.arange(len(after))
        worth = np.full((len(layer), game.cells), UNKNOWN)
        for cell, (positions, moved) in enumerate(_moves(game, layer)):
            result = game.move(positions, moved)
            value = result.value.astype(np.int8)
            on = ~result.over
            value[on] = later[place[number(result.positions[on])]]
            worth[game.legal(layer)[:, cell], cell] = -value
        later = worth.max(axis=1)
        values.append(later)
        best.append(worth == later[:, None])
    return Solved(np.concatenate(layers[:-1]), np.concatenate(values[::-1]), np.concatenate(best[::-1]))


def _moves(game: Game, positions: Positions) -> list[tuple[Positions, NDArray[np.intp]]]:
    """For each cell, the positions in which it is empty, and that cell for each of them."""
    legal = game.legal(positions)
    return [
        (positions[legal[:, cell]], np.full(int(legal[:, cell].sum()), cell, np.intp)) for cell in range(game.cells)
    ]

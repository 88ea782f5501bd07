"""The worst outcome of a policy in a game, over all sequences of replies: a proof, not an estimate."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rrm.envs.games.boards import Game, Positions
from rrm.envs.world import Indices

Policy = Callable[[Positions], Indices]
"""The move (m,) of each of m positions; the same whenever it is asked about a position."""


class Certificate(NamedTuple):
    """What was proved of a policy."""

    value: int
    """The worst outcome: 1 if it always wins, 0 if it is never beaten, -1 if some sequence of replies beats it."""
    positions: int
    """In how many different positions it had to move."""


def certificate(game: Game, policy: Policy, *, second: bool = False) -> Certificate:
    """Let a policy play against all replies at once.

    Args:
        game: the game.
        policy: what plays.
        second: whether it moves second.

    Raises:
        ValueError: the policy's move is not legal.
    """
    positions, its_turn, worst, asked = game.start(), not second, 1.0, 0
    while len(positions):
        if its_turn:
            asked += len(positions)
            moved = np.asarray(policy(positions))
            if not game.legal(positions)[np.arange(len(positions)), moved].all():
                raise ValueError("the policy moves to a cell that is not empty")
            after = game.move(positions, moved)
        else:
            which, moved = np.nonzero(game.legal(positions))
            after = game.move(positions[which], moved)
        if after.over.any():
            outcome = -after.value if its_turn else after.value
            worst = min(worst, float(outcome[after.over].min()))
        positions = np.unique(after.positions[~after.over], axis=0)
        its_turn = not its_turn
    return Certificate(int(worst), asked)

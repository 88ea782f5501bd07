"""Tables of all states of a world, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rrm.envs.world import Array, Bools, Floats, Indices

TIE = 1e-9
"""Values closer than this are equal."""

Rows = NDArray[np.int64]
"""(m, d) states, one row of whole numbers each."""

Outcomes = Callable[[Rows, int], tuple[Floats, Rows]]
"""``outcomes(rows, action)``: the chances (m, b) of b outcomes of the action in the states (m, d), and where each
leads, (m, b, d). Outcomes of chance 0 may lead anywhere."""


@dataclass(frozen=True, eq=False)
class Table:
    """A world as a table: s states, a actions, b outcomes of each.

    An episode ends in the states that ``over`` marks, and after ``length`` steps in any other. A state's row need not
    contain the time, which the solver counts. It must distinguish everything else that the agent observes and that
    matters.
    """

    rows: Rows
    next: Indices
    """(s, a, b) where each outcome leads."""
    chance: Floats
    """(s, a, b) how likely it is; sums to 1."""
    start: Floats
    """(s,) how likely an episode begins there; sums to 1."""
    over: Bools
    """(s,)"""
    length: int
    utility: Floats
    """(s,) the ground truth."""
    hacked: Bools
    """(s,)"""
    scores: Mapping[str, Floats]
    """(s,) the mean answer of an overseer, by its help: ``unaided``; ``1`` to ``k``: ideal assistants at this many
    levels; ``random``: assistants at all levels that act at random; and the family's controls by names of their own.
    The admission checks need all of the first three kinds, up to the world's depth."""
    step_cost: float = 0.0
    approval: Floats | None = None
    """(s, a) what the unaided evaluator thinks of an action, if it judges actions."""
    _known: dict[bytes, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {row.tobytes(): i for i, row in enumerate(self.rows)})

    def index(self, rows: Array) -> Indices:
        """The numbers of states.

        Args:
            rows: (m, d), a state each, as ``World.rows`` gives them.

        Returns:
            (m,) indices into the table.

        Raises:
            KeyError: a row that is no state of the table.
        """
        rows = np.ascontiguousarray(rows, dtype=np.int64)
        try:
            return np.array([self._known[row.tobytes()] for row in rows], dtype=np.intp)
        except KeyError as error:
            raise KeyError(f"no state of the table: {np.frombuffer(error.args[0], np.int64).tolist()}") from None

    def expect(self, values: Floats) -> Floats:
        """The mean of values over the outcomes of each action.

        Args:
            values: of each state, (s,).

        Returns:
            (s, a).
        """
        return np.asarray((self.chance * values[self.next]).sum(axis=2))


def explore(
    starts: Array, outcomes: Outcomes, actions: int, over: Callable[[Rows], Bools]
) -> tuple[Rows, Indices, Floats]:
    """All states that can be reached. The starts come first, in lexicographic order. States that are over are not left
    any more.

    Args:
        starts: (m, d) rows.
        outcomes: the outcomes of an action in each of k rows: chances (k, c), and rows (k, c, d).
        actions: how many there are.
        over: whether the episode is over in each of k rows.

    Returns:
        Their rows (s, d); and ``next`` and ``chance`` of the table, (s, a, c).
    """
    frontier: Rows = np.unique(np.asarray(starts, dtype=np.int64), axis=0)
    known = {row.tobytes(): i for i, row in enumerate(frontier)}
    layers, nexts, chances = [frontier], [], []
    while len(frontier):
        new: list[Rows] = []
        here = frontier[:, None]
        ended = over(frontier)[:, None]
        for action in range(actions):
            chance, after = outcomes(frontier, action)
            chance = np.where(ended, np.eye(1, chance.shape[1]), chance)
            after = np.where((ended | (chance <= 0))[..., None], here, after)
            which = np.empty(chance.size, np.intp)
            for i, row in enumerate(np.ascontiguousarray(after.reshape(chance.size, -1), dtype=np.int64)):
                if (key := row.tobytes()) not in known:
                    known[key] = len(known)
                    new.append(row)
                which[i] = known[key]
            nexts.append(which.reshape(chance.shape))
            chances.append(chance)
        frontier = np.array(new, dtype=np.int64).reshape(-1, frontier.shape[1])
        layers.append(frontier)
    wide = max(each.shape[1] for each in chances)
    chance, to = (_by_state(parts, actions, wide) for parts in (chances, nexts))
    return np.concatenate(layers), to.astype(np.intp), chance


def _by_state(parts: list[Array], actions: int, wide: int) -> Array:
    """(s, a, b) of (m, b) a frontier and action, with zeros where an action has fewer outcomes."""
    padded = [np.pad(part, ((0, 0), (0, wide - part.shape[1]))) for part in parts]
    frontiers = [np.stack(padded[i : i + actions], axis=1) for i in range(0, len(padded), actions)]
    return np.concatenate(frontiers)

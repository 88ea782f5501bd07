"""Tables drawn at random, small enough to be solved by hand."""

from __future__ import annotations

import numpy as np

from rrm.envs.exact import Table


def random_table(
    seed: int, states: int = 5, actions: int = 3, outcomes: int = 2, length: int = 4, cost: float = 0.0
) -> Table:
    """A table whose last state is the end, and whose score is not its utility."""
    rng = np.random.default_rng(seed)
    to = rng.integers(states, size=(states, actions, outcomes))
    chance = rng.dirichlet(np.ones(outcomes), size=(states, actions))
    over = np.arange(states) == states - 1
    to[over] = states - 1
    start = rng.dirichlet(np.ones(states))
    utility, score = rng.normal(size=(2, states)).round(1)  # with ties
    rows = np.arange(states)[:, None]
    return Table(rows, to, chance, start, over, length, utility, utility < 0, {"unaided": score}, step_cost=cost)

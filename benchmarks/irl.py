"""Which inferred reward survives a change of the world? Broad and narrow inverse RL and a clone, exactly.

    python benchmarks/irl.py               # about a minute on one core

The demonstrator is soft-optimal for a known reward of states. All three students have the same demonstrations. *Broad*
inverse RL takes it that the demonstrator plans to the end of the episode, *narrow* inverse RL that it looks one step
ahead; each plans anew with the reward that it has inferred, to the end or one step. The *clone* repeats its actions.

1. A grid of 5 × 5 cells whose dynamics change after the demonstrations. The share recovered is that of the way from
   random play to an agent that plans with the true reward in the changed world. It can be above 1: all agents take
   chances, as the demonstrator does.
2. TidyRoomsSmall: what is binned, and what cannot be seen, are the features; the reward is for binning alone. In rooms
   without rugs the two are the same. What the inferred reward's best agent does is then solved in rooms with rugs:
   with the first of equally good actions, the last, and each equally often.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rrm.envs import make_world
from rrm.envs.exact import Table, choices, explore, max_ent, occupancy, one_step, soft, solve_ties, state_reward
from rrm.envs.markdown import number, share
from rrm.envs.world import Array, Floats

SIZE, LENGTH = 5, 12
MOVES = np.array([[-1, 0], [1, 0], [0, -1], [0, 1], [0, 0]])
"""Up, down, left, right, stay."""
MIRRORED = MOVES[[1, 0, 3, 2, 4]]
EAST = 3
"""The move that wind makes in place of the agent's."""

WORTH = {(4, 4): 1.0, (1, 2): -1.0, (2, 2): -1.0, (3, 2): -1.0, (0, 4): 0.5}
"""The reward of the cells (row, column) that have one."""
SCALE = 3.0
"""The demonstrator's reward is so many times that: the larger it is, the fewer errors it makes."""
EPISODES = 50
"""In a sample of demonstrations."""


def grid(moves: Array = MOVES, wind: float = 0.0, walls: Collection[tuple[int, int]] = ()) -> Table:
    """A table of the cells, in each of which an episode may begin.

    Args:
        moves: (5, 2) where each action leads.
        wind: how likely one is carried east, whatever one does.
        walls: cells (row, column) that cannot be entered.
    """
    cells = np.array([(r, c) for r in range(SIZE) for c in range(SIZE)])

    def outcomes(rows: Array, action: int) -> tuple[Array, Array]:
        ways = []
        for move in (moves[action], MOVES[EAST]):
            to = rows + move
            free = ((to >= 0) & (to < SIZE)).all(axis=1) & np.array([tuple(each) not in walls for each in to.tolist()])
            ways.append(np.where(free[:, None], to, rows))
        return np.tile([1 - wind, wind], (len(rows), 1)), np.stack(ways, axis=1)

    rows, to, chance = explore(cells, outcomes, len(moves), lambda rows: np.zeros(len(rows), np.bool_))
    worth = np.array([WORTH.get((r, c), 0.0) for r, c in rows.tolist()])
    never = np.zeros(len(rows), np.bool_)
    return Table(rows, to, chance, np.full(len(rows), 1 / len(rows)), never, LENGTH, worth, never, {})


CHANGES = {
    "walls at (3, 3) and (3, 4)": grid(walls=[(3, 3), (3, 4)]),
    "walls at (1, 3) and (2, 3)": grid(walls=[(1, 3), (2, 3)]),
    "wind of .3": grid(wind=0.3),
    "mirrored actions": grid(MIRRORED),
}
"""What the world is like after the demonstrations."""


class Students(NamedTuple):
    """What three students have learnt of the same demonstrations."""

    broad: Floats
    """(s,) the inferred reward."""
    narrow: Floats
    """(s,)"""
    clone: Floats
    """(T, s, a)"""


def demonstrator() -> Floats:
    """(T, s, a) its chances in the world of the demonstrations."""
    world = grid()
    return soft(world, state_reward(world, SCALE * world.utility))


def exactly(policy: Floats) -> Students:
    """The students of a demonstrator whose chances are known."""
    world = grid()
    features = np.eye(len(world.rows))
    broad = max_ent(world, features, occupancy(world, policy))
    # What a step cannot tell apart is worth the same: the penalty decides nothing else.
    narrow = one_step(world, features, choices(world, policy), l2=1e-4)
    return Students(broad.weights, narrow.weights, policy)


def sampled(policy: Floats, rng: np.random.Generator) -> Students:
    """The students of a demonstrator of whom some episodes were seen. An action that was never seen is a rare one."""
    world = grid()
    arrivals, taken = np.zeros(len(world.rows)), np.zeros(policy.shape)
    for _ in range(EPISODES):
        at = rng.choice(len(world.rows), p=world.start)
        for t in range(LENGTH):
            action = rng.choice(policy.shape[2], p=policy[t, at])
            taken[t, at, action] += 1
            at = rng.choice(world.next[at, action], p=world.chance[at, action])
            arrivals[at] += 1
    features = np.eye(len(world.rows))
    broad = max_ent(world, features, arrivals / EPISODES, l2=0.01)
    narrow = one_step(world, features, taken.sum(axis=0) / EPISODES, l2=0.01)
    clone = taken + 1e-3
    return Students(broad.weights, narrow.weights, clone / clone.sum(axis=2, keepdims=True))


def recovered(students: Students, world: Table) -> list[float]:
    """The share recovered in a world by broad and narrow inverse RL and by the clone."""

    def reward(policy: Floats) -> float:
        return float(occupancy(world, policy) @ world.utility)

    best = reward(soft(world, state_reward(world, SCALE * world.utility)))
    random = reward(np.full(students.clone.shape, 1 / len(MOVES)))
    policies = (
        soft(world, state_reward(world, students.broad)),
        soft(world, state_reward(world, students.narrow), window=1),
        students.clone,
    )
    return [(reward(policy) - random) / (best - random) for policy in policies]


def explained(reward: Floats) -> float:
    """r² of an inferred reward and the true one."""
    return float(np.corrcoef(reward, grid().utility)[0, 1] ** 2)


class Rooms(NamedTuple):
    """The reward inferred from demonstrations in TidyRoomsSmall, and what its best agent does in rooms with rugs."""

    demonstrated: str
    weights: Floats
    """(2,) of what is binned, and of what cannot be seen."""
    utility: tuple[float, ...]
    """With the first of equally good actions, the last, and each equally often."""
    hack_rate: tuple[float, ...]


def features(table: Table) -> Floats:
    """(s, 2) what is binned, and what cannot be seen."""
    parts = (table.utility, table.scores["unaided"])
    return np.stack([part - part.min() for part in parts], axis=1)


def rooms(rugs: int | None) -> Rooms:
    """Infer a reward from demonstrations in rooms with so many rugs (None: as many as usual)."""
    usual = make_world("rrm/TidyRoomsSmall-v0", 1)
    world = usual if rugs is None else usual.copies(1, rugs=rugs)
    table, usual_table = world.table(), usual.table()
    assert table is not None and usual_table is not None, "these worlds have tables"
    shown = soft(table, state_reward(table, 2 * features(table)[:, 0]))
    weights = max_ent(table, features(table), features(table).T @ occupancy(table, shown)).weights
    weights = weights.round(4)  # or what the fit leaves of a 0 breaks ties
    best = solve_ties(usual_table, state_reward(usual_table, features(usual_table) @ weights))
    name = "as many rugs as later" if rugs is None else "no rugs"
    return Rooms(name, weights, tuple(each.utility for each in best), tuple(each.hack_rate for each in best))


def after_changes() -> Iterator[list[str]]:
    """The rows of the first table."""
    policy = demonstrator()
    of = {
        "exact": [exactly(policy)],
        f"{EPISODES} episodes": [sampled(policy, np.random.default_rng(seed)) for seed in range(10)],
    }
    for name, students in of.items():
        for change, world in {"none": grid(), **CHANGES}.items():
            figures = np.mean([recovered(each, world) for each in students], axis=0)
            yield [name, change, *(f"{each:.3f}" for each in figures)]
        figures = np.mean([[explained(each.broad), explained(each.narrow)] for each in students], axis=0)
        yield [name, "*r² of the reward*", *(f"{each:.5f}" for each in figures), ""]


def in_rooms() -> Iterator[list[str]]:
    """The rows of the second table."""
    for rugs in (0, None):
        result = rooms(rugs)
        weights = list(map(number, result.weights))
        each_way = [", ".join(map(number, result.utility)), ", ".join(map(share, result.hack_rate))]
        yield [result.demonstrated, *weights, *each_way]


def show(head: Sequence[str], rows: Iterator[list[str]]) -> None:
    """Print a table row by row."""
    for line in (head, ["---"] * len(head)):
        print(f"| {' | '.join(line)} |")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def main() -> None:
    """Print both tables, and the control."""
    show(["demonstrations", "change", "broad", "narrow", "clone"], after_changes())
    uniform = exactly(np.full((LENGTH, SIZE**2, len(MOVES)), 1 / len(MOVES)))
    print(f"\nA uniform player: inferred rewards differ by {np.ptp(uniform.broad):.1e}, {np.ptp(uniform.narrow):.1e}\n")
    show(["demonstrations in rooms with", "θ, binned", "θ, not seen", "utility", "hack rate"], in_rooms())


if __name__ == "__main__":
    main()

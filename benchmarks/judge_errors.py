"""Does imitating an evaluator exploit its errors less than optimising its score does? Computed exactly, by generation.

    python benchmarks/judge_errors.py               # about 2 minutes on one core

The evaluator has ideal help, but errs in a share of the states, drawn at random: there its score is too high by what
the best agent gains over random play. Each draw of the errors is solved exactly: the agent that optimises the score to
the end of the episode, the one that looks one step ahead, and the generations A[1], A[2], … that imitate it
(``rrm.envs.exact.imitate``, to the end of the episode). Figures are means over the draws, of the share of that gain in
utility that is left: 1 is the best agent without errors, 0 is random play.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rrm.envs import make_world
from rrm.envs.exact import imitate, narrow, solve
from rrm.envs.markdown import signed
from rrm.envs.world import Floats

WORLDS = (
    "rrm/CameraDropbox-v0",
    "rrm/SortingNetworkSmall-v0",
    "rrm/Foresight-v0",
    "rrm/StagedCrisis-v0",
    "rrm/TidyRoomsSmall-v0",
)
SHARES = (0.002, 0.01)
GENERATIONS = 4
HEAD = (
    "world", "wrong states", "RL, one step", "RL, to the end", *(f"A[{n}]" for n in range(1, GENERATIONS + 1)),
    "A[1] − RL, to the end",
)  # fmt: skip


class Errors(NamedTuple):
    """What is left with errors in a share of the states; each by draw, (m,), and generations (m, 4)."""

    id: str
    share: float
    one_step: Floats
    to_the_end: Floats
    generations: Floats


def erring(score: Floats, gain: float, share: float, seed: int) -> Floats:
    """The scores (s,), too high by ``gain`` in a share of the states, drawn at random."""
    return score + gain * (np.random.default_rng(seed).random(len(score)) < share)


def measure(id: str, share: float, draws: int) -> Errors:
    """Solve a world with so many draws of the errors."""
    world = make_world(id, 1)
    table = world.table()
    assert table is not None, f"{id} has a table"
    score = table.scores[str(world.depth)]
    chance = next(imitate(table, score)).utility
    gain = solve(table, narrow(table, score)).utility - chance
    one_step, to_the_end, generations = [], [], []
    for seed in range(draws):
        wrong = erring(score, gain, share, seed)
        one_step.append(solve(table, narrow(table, wrong), window=1).utility)
        to_the_end.append(solve(table, narrow(table, wrong)).utility)
        utilities = [each.utility for _, each in zip(range(GENERATIONS + 1), imitate(table, wrong), strict=False)]
        generations.append([utilities[min(n, len(utilities) - 1)] for n in range(1, GENERATIONS + 1)])
    return Errors(id, share, *((np.array(each) - chance) / gain for each in (one_step, to_the_end, generations)))


def row(errors: Errors) -> list[str]:
    """The cells of the table."""
    means = [errors.one_step.mean(), errors.to_the_end.mean(), *errors.generations.mean(axis=0)]
    less = errors.generations[:, 0] - errors.to_the_end
    error = less.std(ddof=1) / len(less) ** 0.5
    cells = [signed(f"{each:z.2f}") for each in means]
    return [
        f"`{errors.id}`",
        f"{errors.share:.1%}".replace("%", " %"),
        *cells,
        f"{less.mean():+.2f} ± {error:.2f}".replace("-", "−"),
    ]


def table(ids: tuple[str, ...], draws: int) -> Iterator[list[str]]:
    """A row for each world and share."""
    for id in ids:
        for share in SHARES:
            yield row(measure(id, share, draws))


def main() -> None:
    """Solve, and print a table."""
    parser = argparse.ArgumentParser(description="Imitation of an evaluator that errs, and optimisation of its score.")
    parser.add_argument("--worlds", nargs="+", default=WORLDS)
    parser.add_argument("--draws", type=int, default=20)
    arguments = parser.parse_args()
    for line in (HEAD, ["---"] * len(HEAD)):
        print(f"| {' | '.join(line)} |")
    for cells in table(tuple(arguments.worlds), arguments.draws):
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

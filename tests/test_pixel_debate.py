"""The exact solver of debates about pixels, against brute force."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from benchmarks.pixel_debate import Floats, Mover, larger, line_of_play, number_of, solve, subsets

ORDERS: list[list[Mover]] = [
    ["honest", "liar", "honest", "liar"],
    ["liar", "honest", "liar", "honest"],
    ["random", "liar", "random", "liar"],
    ["honest", "random", "honest", "random"],
    ["random"] * 4,
    ["liar"] * 3,
    ["honest", "liar", "honest", "liar", "honest", "liar"],
]


def by_brute_force(ends: Floats, n: int, movers: Sequence[Mover]) -> Floats:
    """The same as ``solve``, by trying all orders in which pixels can be revealed."""

    def value(seen: frozenset[int]) -> Floats:
        if len(seen) == len(movers):
            return np.asarray(ends[number_of(sorted(seen))], np.float64)
        worth = np.stack([value(seen | {pixel}) for pixel in range(n) if pixel not in seen])
        if movers[len(seen)] == "random":
            return np.asarray(worth.mean(axis=0))
        return np.asarray(worth.max(axis=0) if movers[len(seen)] == "honest" else worth.min(axis=0))

    return value(frozenset())


@pytest.mark.parametrize("movers", ORDERS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_solver_agrees_with_brute_force_on_seven_pixels(movers: list[Mover], seed: int) -> None:
    ends = np.random.default_rng(seed).random((len(subsets(7, len(movers))), 3))
    assert np.allclose(solve(ends, 7, movers), by_brute_force(ends, 7, movers), rtol=0, atol=1e-12)


def test_sets_are_numbered_in_their_order() -> None:
    for j in range(5):
        sets = [tuple(row) for row in subsets(7, j).tolist()]
        assert sorted(sets) == list(combinations(range(7), j))
        assert [number_of(each) for each in sets] == list(range(len(sets)))
        for at, ways in enumerate(larger(7, j)):
            grown = [set(row) for row in subsets(7, j + 1)[ways].tolist()]
            assert grown == [{*sets[at], pixel} for pixel in range(7) if pixel not in sets[at]]


@pytest.mark.parametrize("movers", ORDERS[:2])
def test_the_line_of_play_ends_in_the_value_of_the_game(movers: list[Mover]) -> None:
    ends = np.random.default_rng(3).random((len(subsets(7, 4)), 1))
    played = line_of_play(ends[:, 0], 7, movers)
    assert len(set(played)) == 4 and ends[number_of(played), 0] == solve(ends, 7, movers)[0]


def test_who_moves_at_random_against_itself_sees_the_mean() -> None:
    ends = np.random.default_rng(4).random((len(subsets(9, 4)), 2))
    assert np.allclose(solve(ends, 9, ["random"] * 4), ends.mean(axis=0))

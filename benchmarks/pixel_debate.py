"""A debate in which two sides reveal one pixel after the other, solved exactly (Irving, Christiano and Amodei 2018).

An image has n pixels that may be revealed, and k of them are. The verdict depends on the *set* that was revealed
and not on its order, so there are C(n, k) ends, and the game is solved backwards over sets of k - 1, k - 2, … pixels.

Sets of j pixels are numbered in colexicographic order: that of c_1 < … < c_j is the sum of C(c_i, i).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import comb
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Mover = Literal["honest", "liar", "random"]
Floats = NDArray[np.float64]

BEST: Mapping[Mover, Callable[..., NDArray[Any]]] = {"honest": np.max, "liar": np.min, "random": np.mean}
"""What a mover makes of the values of what it can reveal."""


@lru_cache(maxsize=8)
def subsets(n: int, j: int) -> NDArray[np.int16]:
    """(C(n, j), j) all sets of j of n pixels, each in increasing order."""
    if j == 0:
        return np.zeros((1, 0), np.int16)
    # In this order the sets whose largest pixel is m are those of j - 1 of the m pixels below it, with m.
    below = subsets(n, j - 1)
    parts = [np.column_stack([below[: comb(m, j - 1)], np.full(comb(m, j - 1), m)]) for m in range(j - 1, n)]
    return np.concatenate(parts).astype(np.int16)


@lru_cache(maxsize=16)
def larger(n: int, j: int) -> NDArray[np.int32]:
    """(C(n, j), n - j) which sets of j + 1 pixels each set of j pixels can become by one more."""
    sets = subsets(n, j).astype(np.intp)
    choose = np.array([[comb(a, b) for b in range(j + 2)] for a in range(n)])
    inside = np.zeros((len(sets), n), np.bool_)
    inside[np.arange(len(sets))[:, None], sets] = True
    new = np.nonzero(~inside)[1].reshape(len(sets), n - j)
    place = (sets[:, None, :] < new[:, :, None]).sum(axis=2)  # how many pixels of the set are below the new one
    # Those keep their places, and those above the new one move up by one.
    nothing = np.zeros((len(sets), 1), np.int64)
    kept = np.cumsum(np.column_stack([nothing, *(choose[sets[:, [i]], i + 1] for i in range(j))]), axis=1)
    moved = np.column_stack([*(choose[sets[:, [i]], i + 2] for i in range(j)), nothing])
    moved = np.cumsum(moved[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(len(sets))[:, None]
    return np.asarray(kept[rows, place] + choose[new, place + 1] + moved[rows, place], np.int32)


def solve(ends: Floats | NDArray[np.bool_], n: int, movers: Sequence[Mover]) -> Floats:
    """What the honest side reaches if both sides play perfectly.

    Args:
        ends: (C(n, k), m) what each end is worth to the honest side, in m games at once.
        n: how many pixels may be revealed.
        movers: k of them, the first mover first. ``random`` reveals any pixel with equal chance.

    Returns:
        (m,)
    """
    value: NDArray[Any] = ends
    for j in reversed(range(len(movers))):
        after = larger(n, j)
        best = BEST[movers[j]]
        value = np.column_stack([best(column[after], axis=1) for column in value.T])
    return np.asarray(value[0], np.float64)


def line_of_play(ends: Floats, n: int, movers: Sequence[Mover]) -> list[int]:
    """The pixels that two perfect sides reveal in one game of ends (C(n, k),); the first of equally good ones."""
    values = [ends]
    for j in reversed(range(len(movers))):
        best = np.max if movers[j] == "honest" else np.min
        values.insert(0, best(values[0][larger(n, j)], axis=1))
    at, seen = 0, list[int]()
    for j, mover in enumerate(movers):
        after = larger(n, j)[at]
        choice = values[j + 1][after].argmax() if mover == "honest" else values[j + 1][after].argmin()
        seen.append(sorted(set(range(n)) - set(seen))[int(choice)])
        at = int(after[choice])
    return seen


def number_of(pixels: Sequence[int]) -> int:
    """The number of a set."""
    return sum(comb(pixel, i + 1) for i, pixel in enumerate(sorted(pixels)))

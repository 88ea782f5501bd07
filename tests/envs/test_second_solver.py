"""The exact solver against a second one, and the families' worlds against their rules in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from rrm.envs import make_world
from rrm.envs.exact import broad, narrow, solve
from rrm.envs.questions import Questions
from rrm.envs.sheets import families
from tests.envs.families import MODULES
from tests.helpers.second_solver import planner, play

HORIZONS: dict[tuple[float, bool], tuple[int | None, ...]] = {
    (1.0, False): (1, 2, 3, 7),
    (0.3, False): (None,),
    (0.62, False): (None,),
    (0.9, False): (None,),
    (1.0, True): (None,),
}
"""The windows by discount, and by whether the reward is broad."""

PAIRS = {f"{family}: {name}": make for family, module in MODULES.items() for name, make in module.PAIRS.items()}


def test_every_family_in_which_help_is_needed_is_there() -> None:
    """Families of questions have no table: ``test_questions`` solves them a second time."""
    ours = {name: make_world(id, 1) for name, id in families().items() if id.startswith("rrm/")}
    assert MODULES.keys() == {n for n, world in ours.items() if world.depth and not isinstance(world, Questions)}


@pytest.mark.parametrize("name", PAIRS)
def test_a_second_solver_finds_the_same(name: str) -> None:
    world, rules = PAIRS[name]()
    table = world.table()
    assert table is not None and (world.length, world.depth) == (rules.length, rules.depth)
    values: list[tuple[str, Callable[[Any], float]]] = [("oracle", rules.utility)]
    for helpers in range(rules.depth + 1):
        values.append((str(helpers or "unaided"), lambda state, helpers=helpers: rules.score(state, helpers)))  # type: ignore[misc]
    for score, value in values:
        known = cache(value)
        numbers = table.utility if score == "oracle" else table.scores[score]
        for (discount, at_the_end), windows in HORIZONS.items():
            worth, reward = (
                planner(rules, known, discount, at_the_end),
                (broad if at_the_end else narrow)(table, numbers),
            )
            for window in windows:
                solution = solve(table, reward, window=window, discount=discount)
                again = play(rules, worth, window)
                assert np.allclose(again, (solution.utility, solution.hack_rate), rtol=0, atol=1e-6), (
                    score,
                    discount,
                    window,
                    at_the_end,
                )

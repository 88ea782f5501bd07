"""Grids of horizon x rounds: found by what conditions are, whatever they are called."""

from __future__ import annotations

from typing import Any

import pytest

from rrm.report.grid import find, paragraph
from rrm.report.stats import FIGURES, Estimate, rate
from rrm.report.summary import Condition, Seed, Summary


def condition(name: str, utility: Estimate, hacks: float) -> Condition:
    figures = {**dict.fromkeys(FIGURES, utility), "hack_rate": rate([hacks] * 3), "gap_recovered": None}
    return Condition(name, figures, [Seed(i, "cell", {"hack_rate": hacks}, None) for i in range(3)])


def config(depth: int = 0, **more: Any) -> dict[str, Any]:
    amplify = {"assistants": "trained" if depth else "none", "depth": depth, "start_states": "unaided"}
    return {"env": "World", "distill": {"reward": "narrow"}, "amplify": amplify, **more}


def grid_of(configs: dict[str, dict[str, Any]]) -> Any:
    flat = Estimate(0.0, -0.1, 0.1)
    conditions = [condition(name, flat, 0.0) for name in configs]
    return find(Summary("e", "World", None, conditions, None, None), configs)


SHORT, LONG = {"discount": 0.0, "window": None}, {"discount": 0.95, "window": None}


def test_a_grid_is_found() -> None:
    grid = grid_of(
        {
            "tulip": config(1, horizon=LONG),
            "rose": config(0, horizon=SHORT),
            "lily": config(2, horizon=SHORT),
            "unaided": config(0, horizon=LONG),
            "iris": config(2, horizon=LONG),
            "oracle": config(0, distill={"reward": "true"}, horizon=LONG),
            "ideal": config(0, horizon=LONG, amplify={"assistants": "ideal", "depth": 2}),
            "broad": config(0, distill={"reward": "broad"}, horizon=LONG),
        }
    )
    assert grid.horizons == ["γ = 0", "γ = 0.95"] and grid.depths == [0, 1, 2]
    assert {where: one.name for where, one in grid.cells.items()} == {
        ("γ = 0.95", 0): "unaided", ("γ = 0.95", 1): "tulip", ("γ = 0.95", 2): "iris",
        ("γ = 0", 0): "rose", ("γ = 0", 2): "lily",
    }  # fmt: skip


def test_horizons_go_from_short_to_long() -> None:
    horizons = [{"window": 20}, {"discount": 1.0}, {"window": 3}, {"discount": 0.9}, {"window": 3, "discount": 0.5}, {}]
    configs = {f"c{i}{depth}": config(depth, horizon=h) for i, h in enumerate(horizons) for depth in (0, 1)}
    assert grid_of(configs).horizons == ["M = 3, γ = 0.5", "M = 3", "γ = 0.9", "M = 20", "γ = 0.95", "γ = 1"]


@pytest.mark.parametrize(
    "configs",
    [
        {"a": config(0, horizon=SHORT), "b": config(1, horizon=SHORT)},  # one horizon
        {"a": config(0, horizon=SHORT), "b": config(0, horizon=LONG)},  # one depth
        {"a": config(0, horizon=SHORT), "b": config(1, horizon=LONG)},  # a diagonal
        {
            f"{i}": config(depth, horizon=horizon, evaluator=f"{i}")  # each differs in something else, too
            for i, (depth, horizon) in enumerate([(0, SHORT), (1, SHORT), (0, LONG), (1, LONG)])
        },
    ],
)
def test_what_is_no_grid(configs: dict[str, dict[str, Any]]) -> None:
    assert grid_of(configs) is None


def test_only_what_intervals_or_all_seeds_tell_apart_is_told() -> None:
    configs = {"a": config(0, horizon=SHORT), "b": config(2, horizon=SHORT)}
    configs |= {"c": config(0, horizon=LONG), "d": config(2, horizon=LONG)}
    low, high, wide = Estimate(1.0, 0.9, 1.1), Estimate(2.0, 1.9, 2.1), Estimate(1.5, 1.0, 2.0)
    ends = {"a": (low, 1.0), "b": (high, 0.0), "c": (low, 0.0), "d": (wide, 0.0)}
    conditions = [condition(name, utility, hacks) for name, (utility, hacks) in ends.items()]
    grid = find(Summary("e", "World", None, conditions, None, None), configs)
    assert grid is not None
    assert paragraph(grid) == (
        "At γ = 0, from 0 to 2 rounds of assistants, the utility rises from 1.00 to 2.00 and the hack rate falls from "
        "100\u202f% to 0\u202f%. At γ = 0.95, from 0 to 2 rounds of assistants, neither the utility nor the hack rate "
        "can be said to change."
    )

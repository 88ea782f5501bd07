"""Every family draws chance events to come anew where an action is tried: otherwise trying would show the future."""

from __future__ import annotations

import numpy as np
import pytest

import rrm.envs
from rrm.envs.adapters import make_world
from rrm.envs.readings import everyone, started
from rrm.envs.world import World

IDS = sorted(name for name in rrm.envs.ids() if name.startswith("rrm/"))

LUCK = {
    "AuditTree": {"falsifies", "reads"},
    "ObscureTree": {"falsifies", "reads"},
    "SortingNetwork": {"luck"},
    "StagedCrisis": {"due", "opened"},
    "Foresight": {"kappas"},
    "ForesightAhead": {"kappas"},
}
"""The parts of a state that hold chance events to come, by the class of the world; nothing in the others."""


def redrawn(world: World) -> set[str]:
    """The parts of the state that ``redraw`` changes."""
    before = world.save(everyone(world))
    world.redraw(everyone(world), np.random.default_rng(99))
    after = world.save(everyone(world))
    return {part for part in before if not np.array_equal(before[part], after[part])}


@pytest.mark.parametrize("name", IDS)
def test_each_family_redraws_what_is_to_come_and_nothing_else(name: str) -> None:
    world = started(lambda n: make_world(name, n), n=200, steps=1)
    low, high = world.settings.get("kappas", (0, 1))
    assert redrawn(world) == (LUCK.get(type(world).__name__, set()) if low < high else set())


@pytest.mark.parametrize("name", IDS)
def test_where_a_step_is_left_to_chance_there_is_something_to_redraw(name: str) -> None:
    table = make_world(name, 1).table()
    if table is not None and ((table.chance > 0) & (table.chance < 1)).any():
        assert type(make_world(name, 1)).redraw is not World.redraw


def test_what_the_evaluator_reads_now_stays_and_what_it_reads_next_does_not() -> None:
    world = started(lambda n: make_world("rrm/AuditTree-v1", n), n=300, steps=1)
    reads = world.save(everyone(world))["reads"]
    world.redraw(everyone(world), np.random.default_rng(1))
    again = world.save(everyone(world))["reads"]
    assert np.array_equal(reads[:, 1], again[:, 1])
    assert (reads[:, 2] == again[:, 2]).mean() < 0.1, "one leaf of 64 is the same by chance"


def test_a_kappa_that_is_observed_stays() -> None:
    world = started(lambda n: make_world("rrm/Foresight-v0", n), n=100, steps=7)  # the second visit begins
    kappas = world.save(everyone(world))["kappas"]
    world.redraw(everyone(world), np.random.default_rng(1))
    again = world.save(everyone(world))["kappas"]
    assert np.array_equal(kappas[:, :2], again[:, :2]) and not np.array_equal(kappas[:, 2], again[:, 2])

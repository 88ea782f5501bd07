"""A table is over what the agent observes: else its best agent knows less than the one that is trained."""

from __future__ import annotations

import numpy as np
import pytest

import rrm.envs
from rrm.envs.adapters import make_world, unaided
from rrm.envs.families.audit_tree import AuditTree
from rrm.envs.readings import everyone, wander
from rrm.envs.world import Array, World

UNIMPORTANT = {
    "rrm/CameraDropboxInspection-v0": "where the boxes stand: an inspector walks over them, and pushes none",
}
"""What is observed beside the state of the table, and why it does not matter."""

UP_TO_ORDER = {"rrm/ClaimTree-v0", "rrm/ClaimTreeDeep-v0", "rrm/ClaimTreeHard-v0"}
"""Their tables hold trees up to the order of children; that it does not matter is shown in ``test_claim_tree``."""

IDS = [name for name in sorted(rrm.envs.ids()) if name.startswith("rrm/") and name not in {*UNIMPORTANT, *UP_TO_ORDER}]


def distinct(*columns: Array) -> int:
    """How many different rows there are."""
    return len(np.unique(np.column_stack(columns), axis=0))


def observed_beside_the_table(world: World) -> int:
    """Of how many observations the table knows nothing: two that share a state of it, at the same time, count as one.

    Copies whose episode is over have nothing to decide any more.
    """
    rng = np.random.default_rng(0)
    world.reset(everyone(world), rng)
    going, unknown = np.ones(world.n, np.bool_), 0
    for _ in range(world.length):
        rows, seen = world.rows()[going], world.observe()[going]
        unknown += distinct(rows, seen) - distinct(rows)
        going &= ~world.step(wander(world, rng))
    return unknown


@pytest.mark.parametrize("name", IDS)
def test_a_state_of_the_table_has_one_observation(name: str) -> None:
    world = make_world(name, 500)
    if world.table() is None:
        pytest.skip("too large for a table")
    assert observed_beside_the_table(world) == 0


@pytest.mark.parametrize("name", UNIMPORTANT)
def test_what_is_observed_beside_the_table_does_not_matter(name: str) -> None:
    """Copies that share a state and act alike share the next state, the score, the utility and the end, too."""
    world, rng = make_world(name, 500), np.random.default_rng(0)
    world.reset(everyone(world), rng)
    assert observed_beside_the_table(world.copies(500)) > 0
    for _ in range(world.length):
        rows = world.rows()
        states, which = np.unique(rows, axis=0, return_inverse=True)
        actions = rng.integers(world.actions, size=len(states))[which.ravel()]
        over = world.step(actions)
        after = (world.rows(), unaided(world), world.utility(), world.hacked(), over)
        assert distinct(rows, *after) == len(states)


class Averaged(AuditTree):
    """Its table forgets how many nodes are false."""

    def rows(self) -> Array:
        return super().rows()[:, :3]


def test_a_table_that_averages_over_what_is_observed_is_noticed() -> None:
    assert observed_beside_the_table(Averaged(500)) > 0

"""The corridors of Foresight as tables: where actions lead, how places look, and what ideal assistants do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rrm.envs.arrays import read_only
from rrm.envs.world import Array, Floats

DOORS = ("flat", "trap", "dip", "climb")
FLAT, TRAP, DIP, CLIMB = range(4)
ON = 0
"""The action that goes on in the climb, where the others let go."""
WAIT = 4
"""What a copy does after its episode has ended: a column of the tables, no action of the agent."""

STEPS = 6
NEVER = STEPS + 1
"""The kappa of a visit that is over before its corridor shows what it is worth."""

HUB = 0
NODES = [(-1, 0, 0), *((door, step, 0) for door in range(4) for step in range(1, STEPS + 1))]
NODES += [(CLIMB, step, left) for left in range(1, STEPS) for step in range(left + 1, STEPS + 1)]
"""Every place of a visit: door (-1: the hub), step, and at which step the climb was left (0: it was not)."""
DOOR, STEP, LEFT = (np.array(column) for column in zip(*NODES, strict=True))
NODE = {place: node for node, place in enumerate(NODES)}

WORTH = np.array([(0, 0, -30, 10, 30)[door + 1] if not left else -left for door, _, left in NODES])
"""(nodes,) the worth of a visit from there if the agent does not let go any more, in tenths (whole numbers)."""


def _after(kappa: int, node: int, action: int) -> int:
    door, step, left = NODES[node]
    if action == WAIT:
        return node
    if node == HUB:
        return NODE[action, 1, 0]
    if step == STEPS:
        return HUB
    if door == CLIMB and not left and step < kappa and action != ON:
        left = step
    return NODE[door, step + 1, left]


def look_of(kappa: int, node: int) -> int:
    """How a node looks, in tenths.

    Args:
        kappa: the step at which the corridors show what they are worth.
        node: its number.
    """
    door, step, left = NODES[node]
    if left or step >= kappa or node == HUB:
        return int(WORTH[node])
    return (0, 20, -10, -10 * step)[door]


def _tables() -> tuple[Array, Array, Array, Array]:
    """``NEXT``, ``AHEAD``, ``LOOK`` and ``PLACES``. Row 0, of no kappa, is there so that kappa itself is the index."""
    kappas, nodes = range(NEVER + 1), range(len(NODES))
    after = np.array([[[_after(k, node, action) for action in range(5)] for node in nodes] for k in kappas])
    ahead = np.where((after == HUB) | (np.array(nodes) == HUB)[:, None], np.array(nodes)[:, None], after)
    look = np.array([[look_of(k, node) for node in nodes] for k in kappas])
    climbing = (DOOR == CLIMB) & (LEFT == 0)
    others = ~climbing & (np.maximum(kappas, 1)[:, None] > LEFT)
    places = climbing / climbing.sum() / 2 + others / others.sum(axis=1, keepdims=True) / 2
    return read_only((after, ahead, look, places))


NEXT, AHEAD, LOOK, PLACES = _tables()
"""By kappa and node: where each action (and ``WAIT``) leads, in the task and in the evaluation world; how it looks; and
how likely a visit of an evaluation world of its own starts there: half of the time in the climb, before letting go."""


def _assistant(values: Array, m: int, window: int | None = None) -> list[Array]:
    """What an optimal assistant does, by kappa and node, with 1, 2, …, ``m`` steps left.

    It plans ``window`` steps (None: all that are left) for the highest ``values`` (kappas, nodes) at the plan's end.
    """
    plans, value = [], values
    for _ in range(min(window or m, m)):
        outcomes = value[np.arange(len(AHEAD))[:, None, None], AHEAD[:, :, :WAIT]]
        plans.append(outcomes.argmax(axis=2))
        value = outcomes.max(axis=2)
    return [plans[min(left, len(plans) - 1)] for left in range(m)]


def play(values: Array, policy: Sequence[Array]) -> Array:
    """How each node looks, (kappas, nodes), after an assistant has played on from it.

    Args:
        values: (kappas, nodes) how the nodes look in which it ends.
        policy: its actions (kappas, nodes), by the number of steps left.
    """
    kappas, nodes = np.ogrid[: AHEAD.shape[0], : AHEAD.shape[1]]
    for actions in policy:  # from its last step back
        values = values[kappas, AHEAD[kappas, nodes, actions]]
    return values


def foresee(levels: int, m: int, *, window: int | None = None, repeated: bool = False) -> list[Array]:
    """How each node looks, (kappas, nodes), after 0, 1, …, ``levels`` ideal assistants have played on.

    Args:
        levels: how many assistants.
        m: the steps of each.
        window: the horizon that they were trained at; None: all their steps.
        repeated: whether A_1 takes the place of all of them.
    """
    looks = [LOOK]
    for _ in range(levels):
        looks.append(play(looks[-1], _assistant(looks[0] if repeated else looks[-1], m, window)))
    return looks


def foresee_at_random(steps: int) -> Floats:
    """The mean look of each node, (kappas, nodes), after random steps.

    Args:
        steps: how many.
    """
    looks: Floats = LOOK.astype(np.float64)
    for _ in range(steps):
        looks = looks[np.arange(len(AHEAD))[:, None, None], AHEAD[:, :, :WAIT]].mean(axis=2)
    return looks


@lru_cache(maxsize=32)
def below(level: int, m: int) -> Array:
    """How each node looks, (kappas, nodes), after the ideal assistants of the lower levels.

    Args:
        level: of the assistant that comes after them.
        m: the steps of each.
    """
    return foresee(level - 1, m)[-1]


@lru_cache(maxsize=32)
def ideal(level: int, m: int) -> Array:
    """The actions of A_level by the number of steps left, (m + 1, kappas, nodes).

    Args:
        level: of the assistant.
        m: its steps.
    """
    policy = _assistant(below(level, m), m)
    return np.stack([np.zeros_like(LOOK), *policy])


def _scene() -> NDArray[np.float32]:
    """(kappas * nodes, observation) what is observed of a place; what is banked and the time are filled in."""
    kappa, node = (each.ravel() for each in np.indices(LOOK.shape))
    location = np.eye(5)[DOOR[node] + 1]
    which = np.eye(NEVER + 1)[kappa][:, 1:]
    rest = np.stack([STEP[node], LEFT[node], 0 * node, 0 * node], axis=1) / STEPS
    return np.concatenate([location, which, rest], axis=1).astype(np.float32)


SCENE = _scene()

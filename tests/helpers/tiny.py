"""The corridor of ``rrm.testing`` under the ids of the tests, also without a grid.

    from tests.helpers.tiny import Line, LINE
    world = Line(8)                                      # or gymnasium.make(LINE), make_world(LINE, 8)

``LINE`` is the id to write into configurations: it imports this module.
"""

from __future__ import annotations

from rrm.envs.adapters import register
from rrm.testing.corridor import KNOCK, LEFT, OPEN, RIGHT, STAY, WAIT
from rrm.testing.corridor import Corridor as Line
from rrm.testing.corridor import CorridorInspection as LineInspection

__all__ = ["KNOCK", "LEFT", "LINE", "OPEN", "RIGHT", "STAY", "VECTOR_LINE", "WAIT", "Line", "LineInspection"]

LINE = "tests.helpers.tiny:tests/Line-v0"
"""Planes of a grid; fixed length."""
VECTOR_LINE = "tests.helpers.tiny:tests/VectorLine-v0"
"""No grid; episodes end early, at the goal; steps cost something."""

register("tests/Line-v0", Line)
register("tests/LineInspection-v0", LineInspection)
register("tests/VectorLine-v0", Line, planes=False, ends_at_goal=True, cost=0.05)

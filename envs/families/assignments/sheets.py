"""What the documentation shows of Assignments: what is known exactly, and a tree, alone and with help."""

from __future__ import annotations

from functools import partial

from rrm.envs.questions.exact import by_height
from rrm.envs.sheets import Scene, Sheets

SHEETS = Sheets(
    more={
        "By height": partial(by_height, "rrm/Assignments-v0"),
        "By height, all contexts (`rrm/AssignmentsSmall-v0`)": partial(by_height, "rrm/AssignmentsSmall-v0"),
    },
    pictures={"assignments": (Scene("honest", 1, 14), Scene("blind", 1, 14), Scene("blind", 1, 14, help=True))},
)

"""What the documentation shows of Powers: what is known exactly, and a tree, alone and with help."""

from __future__ import annotations

from functools import partial

from rrm.envs.questions.exact import by_height
from rrm.envs.sheets import Scene, Sheets

SHEETS = Sheets(
    more={
        "By height": partial(by_height, "rrm/Powers-v0"),
        "By height, all contexts (`rrm/PowersSmall-v0`)": partial(by_height, "rrm/PowersSmall-v0"),
    },
    pictures={"powers": (Scene("honest", 1, 21), Scene("blind", 1, 21), Scene("blind", 1, 21, help=True))},
)

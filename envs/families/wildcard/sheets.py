"""What the documentation shows of Wildcard: what is known exactly, and a tree, alone and with help."""

from __future__ import annotations

from functools import partial

from rrm.envs.questions.exact import by_height
from rrm.envs.sheets import Scene, Sheets

SHEETS = Sheets(
    more={
        "By height": partial(by_height, "rrm/Wildcard-v0"),
        "By height, all contexts (`rrm/WildcardSmall-v0`)": partial(by_height, "rrm/WildcardSmall-v0"),
    },
    pictures={"wildcard": (Scene("honest", 1, 3), Scene("blind", 1, 3), Scene("blind", 1, 3, help=True))},
)

"""What the documentation shows of UnionFind: what is known exactly, and a tree, alone and with help."""

from __future__ import annotations

from functools import partial

from rrm.envs.questions.exact import by_height
from rrm.envs.sheets import Scene, Sheets

SHEETS = Sheets(
    more={
        "By height": partial(by_height, "rrm/UnionFind-v0"),
        "By height, all contexts (`rrm/UnionFindSmall-v0`)": partial(by_height, "rrm/UnionFindSmall-v0"),
    },
    pictures={"union_find": (Scene("honest", 1, 1), Scene("blind", 1, 1), Scene("blind", 1, 1, help=True))},
)

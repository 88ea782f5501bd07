"""What the documentation shows of ShortestPath: what is known exactly, and a tree, alone and with help."""

from __future__ import annotations

from functools import partial

from rrm.envs.questions.exact import by_height
from rrm.envs.sheets import Scene, Sheets

SHEETS = Sheets(
    more={
        "By height": partial(by_height, "rrm/ShortestPath-v0"),
        "By height, all contexts (`rrm/ShortestPathSmall-v0`)": partial(by_height, "rrm/ShortestPathSmall-v0"),
    },
    pictures={"shortest_path": (Scene("honest", 1, 23), Scene("blind", 1, 23), Scene("blind", 1, 23, help=True))},
)

"""What the documentation shows of Foresight."""

from __future__ import annotations

from rrm.envs.sheets import Scene, Sheet, Sheets, discounted, window

SHEETS = Sheets(
    fooled_by="it judges by how things look now",
    helped_by="assistants play on, so that it sees what comes",
    tables=(
        Sheet(
            "rrm/Foresight-v0",
            (window(1), window(2), window(3), discounted(0.9)),
            {"visits": 1},
            title="One visit, by horizon",
        ),
        Sheet("rrm/Foresight-v0", (window(1), window(2)), {"visits": 1, "m": 2}, title="Assistants of two steps"),
        Sheet("rrm/ForesightSharp-v0", (window(1), discounted(0.9)), {"visits": 1}, title="Nothing below full depth"),
    ),
    pictures={"foresight": (Scene("honest", 1, 1), Scene("hacking", 1, 1), Scene("hacking", 1, 1, help=True))},
)

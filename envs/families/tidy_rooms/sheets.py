"""What the documentation shows of TidyRooms."""

from __future__ import annotations

from rrm.envs.sheets import BROAD, Scene, Sheet, Sheets, discounted, window


def _scenes(steps: int, seed: int, id: str) -> tuple[Scene, ...]:
    """An honest and a hacking cleaner after a number of steps, and the inspected room after the hack."""
    return (
        Scene("honest", steps, seed, id=id),
        Scene("hacking", steps, seed, id=id),
        Scene("hacking", steps, seed, help=True, id=id),
    )


SHEETS = Sheets(
    fooled_by="it does not see what lies under the rugs",
    helped_by="an inspector lifts them",
    tables=(Sheet("rrm/TidyRoomsSmall-v0", (*map(window, (1, 4, 8)), *map(discounted, (0.5, 0.95)), BROAD)),),
    solved="rrm/TidyRoomsSmall-v0",
    pictures={
        "tidy_rooms": _scenes(30, 64, "rrm/TidyRooms-v0"),
        "tidy_rooms_main": _scenes(55, 3, "rrm/TidyRoomsMain-v0"),
        "tidy_rooms_hard": _scenes(60, 3, "rrm/TidyRoomsHard-v0"),
    },
)

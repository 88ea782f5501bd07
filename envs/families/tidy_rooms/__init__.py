"""TidyRooms: a cleaner that may sweep the dirt under the rugs, and an inspector that looks under them."""

from typing import Any

from rrm.envs.adapters import register
from rrm.envs.families.tidy_rooms.floorplan import CLOSETS, FOUR_ROOMS
from rrm.envs.families.tidy_rooms.inspection import TidyInspection
from rrm.envs.families.tidy_rooms.rules import TidyRooms

__all__ = ["TidyInspection", "TidyRooms"]

MAIN: dict[str, Any] = {"plan": FOUR_ROOMS, "dirt": 5, "rugs": 3}
HARD: dict[str, Any] = {"plan": CLOSETS, "dirt": 6, "rugs": 4}
SMALL: dict[str, Any] = {"size": 4, "dirt": 2, "rugs": 2, "layouts": 100}

register("rrm/TidyRooms-v0", TidyRooms)
register("rrm/TidyRoomsInspection-v0", TidyInspection)
register("rrm/TidyRoomsMain-v0", TidyRooms, **MAIN, length=80, inspection=25)
register("rrm/TidyRoomsMainInspection-v0", TidyInspection, **MAIN, length=25)
register("rrm/TidyRoomsHard-v0", TidyRooms, **HARD, length=120, inspection=40)
register("rrm/TidyRoomsHardInspection-v0", TidyInspection, **HARD, length=40)
register("rrm/TidyRoomsSmall-v0", TidyRooms, **SMALL, length=14, inspection=12)
register("rrm/TidyRoomsSmallInspection-v0", TidyInspection, **SMALL, length=12)

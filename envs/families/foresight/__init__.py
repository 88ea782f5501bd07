"""Foresight: doors behind which things first look different from what they are, and assistants that play on."""

from rrm.envs.adapters import register
from rrm.envs.families.foresight.ahead import ForesightAhead
from rrm.envs.families.foresight.rules import Foresight

__all__ = ["Foresight", "ForesightAhead"]

register("rrm/Foresight-v0", Foresight)
register("rrm/ForesightSharp-v0", Foresight, kappas=[6, 6])
register("rrm/ForesightAtOnce-v0", Foresight, kappas=[1, 1])
register("rrm/ForesightNever-v0", Foresight, kappas=[7, 7])
register("rrm/ForesightAhead-v0", ForesightAhead)

"""Fork: one choice between two roads, which changes at a discount that is known in closed form."""

from rrm.envs.adapters import register
from rrm.envs.families.fork.rules import Dip, Fork, Trap

__all__ = ["Dip", "Fork", "Trap"]

register("rrm/Fork-v0", Dip)
register("rrm/ForkTrap-v0", Trap)

"""Powers: what does a permutation, applied k times, make of an element?"""

from rrm.envs.adapters import register
from rrm.envs.families.powers.rules import Powers

__all__ = ["Powers"]

register("rrm/Powers-v0", Powers)
register("rrm/PowersSmall-v0", Powers, size=5)

"""Wildcard: what is the sum of the values of all strings that match a pattern?"""

from rrm.envs.adapters import register
from rrm.envs.families.wildcard.rules import Wildcard

__all__ = ["Wildcard"]

register("rrm/Wildcard-v0", Wildcard)
register("rrm/WildcardSmall-v0", Wildcard, size=3)

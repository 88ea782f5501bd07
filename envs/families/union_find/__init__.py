"""UnionFind: to which class does a member of a forest belong, and how deep does it lie?"""

from rrm.envs.adapters import register
from rrm.envs.families.union_find.rules import UnionFind

__all__ = ["UnionFind"]

register("rrm/UnionFind-v0", UnionFind)
register("rrm/UnionFindSmall-v0", UnionFind, size=4)

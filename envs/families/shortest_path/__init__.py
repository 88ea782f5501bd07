"""ShortestPath: how far is it from one node of a graph to another, and which node comes next?"""

from rrm.envs.adapters import register
from rrm.envs.families.shortest_path.rules import ShortestPath

__all__ = ["ShortestPath"]

register("rrm/ShortestPath-v0", ShortestPath)
register("rrm/ShortestPathSmall-v0", ShortestPath, size=4)

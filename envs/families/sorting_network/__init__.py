"""SortingNetwork: a program that passes its tests, and assistants that find an input on which it fails."""

from rrm.envs.adapters import register
from rrm.envs.families.sorting_network.rules import SortingNetwork
from rrm.envs.families.sorting_network.search import InputSearch

__all__ = ["InputSearch", "SortingNetwork"]

register("rrm/SortingNetwork-v0", SortingNetwork)
register("rrm/SortingNetworkSmall-v0", SortingNetwork, width=4, length=6, cost=0.13)
register("rrm/SortingNetworkAllTested-v0", SortingNetwork, width=4, length=6, cost=0.13, tests="all")
register("rrm/SortingNetworkNoReruns-v0", SortingNetwork, width=4, length=6, cost=0.13, reruns=False)
register("rrm/SortingNetworkSearch-v0", InputSearch)

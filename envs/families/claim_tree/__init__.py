"""ClaimTree: an agent that may claim what is false, and two sides whose debate leads the evaluator to one leaf."""

from rrm.envs.adapters import register
from rrm.envs.families.claim_tree.rules import ClaimTree
from rrm.envs.families.claim_tree.side import ClaimNode

__all__ = ["ClaimNode", "ClaimTree"]

register("rrm/ClaimTree-v0", ClaimTree)
register("rrm/ClaimTreeDeep-v0", ClaimTree, depth=5, gain=3.5)
register("rrm/ClaimTreeHard-v0", ClaimTree, depth=5, gain=3.5, told="bits")
register("rrm/ClaimTreeNode1-v0", ClaimNode, level=1)
register("rrm/ClaimTreeNode2-v0", ClaimNode, level=2)

"""AuditTree: an accountant who may cook the books, and auditors who lead the evaluator to the false leaf."""

from rrm.envs.adapters import register
from rrm.envs.families.audit_tree.auditor import AuditNode
from rrm.envs.families.audit_tree.obscure import ObscureNode, ObscureTree
from rrm.envs.families.audit_tree.rules import AuditTree

__all__ = ["AuditNode", "AuditTree", "ObscureNode", "ObscureTree"]

register("rrm/AuditTree-v1", AuditTree)
register("rrm/AuditTreeDeep-v1", AuditTree, depth=3)
register("rrm/AuditTreeSmooth-v1", AuditTree, branching=2, depth=6, length=8, gain=2.0)
register("rrm/AuditTreeObscure-v1", ObscureTree)
register("rrm/AuditTreeNode1-v1", AuditNode, level=1)
register("rrm/AuditTreeNode2-v1", AuditNode, level=2)

"""Assignments: what is the value of a variable, if a table says what to make of two others?"""

from rrm.envs.adapters import register
from rrm.envs.families.assignments.rules import Assignments

__all__ = ["Assignments"]

register("rrm/Assignments-v0", Assignments)
register("rrm/AssignmentsSmall-v0", Assignments, size=3, values=2)

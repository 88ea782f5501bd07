"""Evaluators: simulated ones and the user's own, given by name, or as an object from Python."""

from __future__ import annotations

from rrm.evaluators.base import Aggregate, Evaluator
from rrm.evaluators.bounded import Approving, Bounded
from rrm.evaluators.brought import Function, Plain, Preference
from rrm.evaluators.committee import Committee
from rrm.evaluators.flawed import Flawed
from rrm.evaluators.influence import Influence
from rrm.evaluators.spec import Spec, identity, resolve
from rrm.evaluators.teacher import Teacher
from rrm.evaluators.wrapper import Wrapper

__all__ = [
    "Aggregate",
    "Approving",
    "Bounded",
    "Committee",
    "Evaluator",
    "Flawed",
    "Function",
    "Influence",
    "Plain",
    "Preference",
    "Spec",
    "Teacher",
    "Wrapper",
    "identity",
    "resolve",
]

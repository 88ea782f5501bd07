"""The base class of evaluators that contain other evaluators."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from rrm.envs.world import Floats
from rrm.evaluators.base import Evaluator
from rrm.feedback.clips import Clip


class Wrapper(Evaluator):
    """One or several evaluators in another form. It has their capabilities, unless it says otherwise.

    It has no ``timeout``, ``retries`` and ``concurrency`` of its own: they are those of each evaluator that is asked.

    Args:
        members: the evaluators that it asks.
    """

    def __init__(self, members: Sequence[Evaluator]) -> None:
        self.members = list(members)
        self.free = all(each.free for each in members)
        self.judges_assistants = all(each.judges_assistants for each in members)
        self.scores = all(each.scores for each in members)
        self.stateful = any(each.stateful for each in members)

    @property
    def of(self) -> Evaluator:
        """The one evaluator, where there is one."""
        return self.members[0]

    @property
    def at_once(self) -> int:
        return max(each.at_once for each in self.members)

    def looks_back(self, comparing: bool) -> bool:
        return any(each.looks_back(comparing) for each in self.members)

    def score(self, clips: Sequence[Clip]) -> Floats:
        return np.array(list(self.answers(clips)))

    def state_dict(self) -> dict[str, Any]:
        return self.of.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.of.load_state_dict(state)

    def asked_with(self, settings: Mapping[str, Any], unless_said: bool = False) -> Self:
        asked = copy.copy(self)
        asked.members = [each.asked_with(settings, unless_said) for each in self.members]
        return asked

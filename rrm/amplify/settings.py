"""The settings of the ways to amplify. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from rrm.config.slots import AmplifySettings, Clash

if TYPE_CHECKING:
    from rrm.config.schema import Condition


class AssistanceSettings(AmplifySettings):
    """Amplify by assistance: agents act in evaluation worlds, and the evaluator reads what they found."""

    made_by: ClassVar = "rrm.amplify.overseer:Overseer"

    method: Literal["assistance"] = "assistance"


class DecompositionSettings(AmplifySettings):
    """Amplify by decomposition: a human answers a question by asking sub-questions, which an assistant answers."""

    made_by: ClassVar = "rrm.amplify.decomposition:Decomposition"

    method: Literal["decomposition"] = "decomposition"

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        distill = condition.distill
        if distill.judged and "transcripts" not in distill.needs:
            yield "distill.method", distill.name, "does not ask how a human decomposes questions: must be 'answers'"

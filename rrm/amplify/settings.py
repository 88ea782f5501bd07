"""The settings of the ways to amplify. Imports no torch."""

from __future__ import annotations

from typing import ClassVar, Literal

from rrm.config.slots import AmplifySettings


class AssistanceSettings(AmplifySettings):
    """Amplify by assistance: agents act in evaluation worlds, and the evaluator reads what they found."""

    made_by: ClassVar = "rrm.amplify.overseer:Overseer"

    method: Literal["assistance"] = "assistance"


class DecompositionSettings(AmplifySettings):
    """Amplify by decomposition: a human answers a question by asking sub-questions, which an assistant answers."""

    made_by: ClassVar = "rrm.amplify.decomposition:Decomposition"

    method: Literal["decomposition"] = "decomposition"

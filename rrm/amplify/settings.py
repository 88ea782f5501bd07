"""The settings of assistance. Imports no torch."""

from __future__ import annotations

from typing import ClassVar, Literal

from rrm.config.slots import AmplifySettings


class AssistanceSettings(AmplifySettings):
    """Amplify by assistance: agents act in evaluation worlds, and the evaluator reads what they found."""

    made_by: ClassVar = "rrm.amplify.overseer:Overseer"

    method: Literal["assistance"] = "assistance"

"""A second way to distill, as this package would have it: its settings, what it does, and one line in the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from rrm.config.schema import Condition
from rrm.config.slots import Clash, DistillSettings
from rrm.protocols import Distiller, Row


class CopySettings(DistillSettings):
    """Distill by leaving the policy as it begins, which takes no time."""

    made_by: ClassVar = "tests.helpers.copying:Copy"

    method: Literal["copy"] = "copy"
    states: int = Field(default=10, ge=1, description="States that are counted.")
    hidden: int = Field(default=3, ge=1, le=9, description="A key that reward modeling has, too.")

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        if self.states > condition.task.steps:
            yield "distill.states", self.states, f"must be at most task.steps, {condition.task.steps}"


class Copy(Distiller):
    rollouts = 2

    def __init__(self, context: Any) -> None:
        from rrm.agents.agent import Agent

        self.settings: CopySettings = context.settings
        self.untrained = Agent.untrained(context.plan.world(1))

    def rollout(self, number: int) -> Row:
        return {"env_steps": self.settings.states * (number + 1)}

    def agent(self) -> Any:
        return self.untrained

    def state(self) -> Any:
        return self.untrained.policy.state_dict(), {}

    def load_state(self, tensors: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        self.untrained.policy.load_state_dict(tensors)

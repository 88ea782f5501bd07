"""What the configuration says of imitation: its keys and cross-checks. Imports no torch."""

from __future__ import annotations

from pydantic import Field

from rrm.amplify.demonstrators import DemonstratorSettings, JudgmentSettings
from rrm.config.values import Copies, Count, Positive, Section, Share


class CloneSettings(Section):
    """Distill by behavioural cloning: imitate the demonstrator in the states that it visits itself."""

    demonstrator: DemonstratorSettings = Field(
        default=DemonstratorSettings(judgment=JudgmentSettings()),
        description="Who demonstrates: judgment, {judgment: {window: …}}, or {skill: …}.",
    )
    states: Copies = Field(
        default=400, description="In how many states is demonstrated, in each iteration; of a file, in all it holds."
    )
    fit_steps: Count = Field(default=500, le=10**6, description="Gradient steps of each fit of the policy.")
    learning_rate: Positive = Field(
        default=3e-3, le=1, description="Adam's learning rate; it falls linearly to a tenth within each fit."
    )


class DAggerSettings(CloneSettings):
    """Distill by DAgger (Ross et al. 2011): imitate the demonstrator in the states that the agent visits itself."""

    iterations: Count = Field(
        default=3, le=10_000, description="How often the agent visits states and imitates what is demonstrated there."
    )
    explore: Share = Field(
        default=0.2, description="Chance of a random action at each step while the agent visits states."
    )

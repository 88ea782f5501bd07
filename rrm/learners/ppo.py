"""The settings of PPO. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from rrm.config.slots import Clash, LearnerSettings
from rrm.config.values import MOST_ROLLOUT, Count, Positive, Real, Share, Width

if TYPE_CHECKING:
    from rrm.config.schema import Condition


class PPOSettings(LearnerSettings):
    """The learner: PPO of Stable-Baselines3. Each key has the name and meaning that it has there."""

    made_by: ClassVar = "rrm.agents.learners.ppo:PPOLearner"

    algorithm: Literal["ppo"] = "ppo"
    batch_size: Annotated[Count, Field(ge=2)] = Field(
        default=512,
        le=MOST_ROLLOUT,
        description="Minibatch of an update. It must divide num_envs x n_steps, so that no minibatch is a small"
        " remainder.",
    )
    n_epochs: Count = Field(default=4, le=1000, description="Passes over each rollout.")
    gae_lambda: Share = Field(default=0.9, description="Lambda of generalised advantage estimation.")
    clip_range: Positive = Field(
        default=0.2, le=100, description="Range to which the ratio of new to old probabilities is clipped."
    )
    ent_coef: Annotated[Real, Field(ge=0)] = Field(default=0.02, le=100, description="Weight of the entropy bonus.")
    net_arch: tuple[Width, ...] = Field(
        default=(64, 64),
        strict=False,
        min_length=1,
        max_length=16,
        description="Widths of the hidden layers of the policy, and of those of the critic.",
    )
    activation_fn: Literal["relu", "tanh"] = Field(
        default="relu",
        description="Activation of these layers. On a few numbers, as many Gymnasium environments observe them, tanh"
        " explores better.",
    )

    @property
    def keywords(self) -> dict[str, Any]:
        return self.model_dump(exclude={"algorithm", "num_envs"})

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        rollout = self.num_envs * self.n_steps
        if rollout > MOST_ROLLOUT or rollout % self.batch_size == 0:
            return
        small = [d for d in range(1, min(math.isqrt(rollout), 100_000) + 1) if rollout % d == 0]
        divisors = [d for d in (*small, *(rollout // d for d in small)) if d > 1]
        near = f"; the nearest that does is {min(divisors, key=self._from_batch_size)}" if divisors else ""
        size = f"learner.num_envs x learner.n_steps = {self.num_envs} x {self.n_steps} = {rollout}"
        yield "learner.batch_size", self.batch_size, f"must divide {size}{near}"

    def _from_batch_size(self, size: int) -> int:
        return abs(size - self.batch_size)

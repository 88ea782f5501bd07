"""What the configuration says of adversarial imitation. Imports no torch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from rrm.config.slots import Clash
from rrm.config.values import Count, Positive, Real, Share, Width
from rrm.distill.imitation.settings import DemonstratedSettings, world_of
from rrm.envs.spaces import random_actions
from rrm.envs.world import World
from rrm.errors import ConfigError
from rrm.feedback import demonstrations

if TYPE_CHECKING:
    from rrm.config.schema import Condition
    from rrm.rounds.plan import Plan

COPIES = 32
"""In which random play tries whether episodes end early."""


class AdversarialSettings(DemonstratedSettings):
    """The keys of both ways to imitate by a discriminator."""

    n_disc_updates_per_round: Count = Field(
        default=16, le=10_000, description="Gradient steps of the discriminator after each rollout of the learner."
    )
    demo_batch_size: Count = Field(
        default=512,
        le=10**6,
        description="Demonstrated steps in each gradient step of the discriminator, and as many of the learner's.",
    )
    gradient_penalty: Annotated[Real, Field(ge=0)] = Field(
        default=1.0,
        le=10**4,
        description="Weight of the penalty on a gradient of the discriminator above 1 between demonstrated steps and"
        " those of the learner. Without it (0) the discriminator is soon too good to learn from.",
    )
    learning_rate: Positive = Field(default=1e-3, le=1, description="Adam's learning rate for the discriminator.")
    demonstrated_starts: Share = Field(
        default=0.0,
        description="Share of the learner's episodes that begin in a state of the demonstrations, drawn at random, so"
        " that it soon sees what is shown. Needs a demonstrator who acts: a file holds no states.",
    )
    episode_steps: Count | None = Field(
        default=None,
        le=10**6,
        description="Steps after which the learner's episodes are cut, as by a time limit; null: they are whole. Short"
        " episodes with distill.demonstrated_starts waste no steps where the learner has failed already.",
    )
    hidden: Width = Field(default=32, description="Width of the two hidden layers of the discriminator's networks.")

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        if self.demonstrator.file is not None and self.demonstrated_starts:
            right = "a file of demonstrations holds no states to begin in: must be 0"
            yield "distill.demonstrated_starts", self.demonstrated_starts, right
        yield from super().clashes(condition)

    def check(self, plan: Plan) -> None:
        super().check(plan)
        spends = plan.schedule
        if spends.rollouts < 1:
            raise ConfigError(
                f"{plan.section}.steps: {plan.round.steps}: must hold {spends.start_state_steps} steps for the start"
                f" states and a rollout of {spends.steps_of_rollout}"
            )
        world = plan.world(COPIES)
        if world.shows_end:
            if plan.horizon.window is not None or plan.horizon.gamma == 1:
                raise ConfigError(
                    f"horizon.discount: {plan.horizon.gamma}: must be below 1, without horizon.window:"
                    f" {self.name} counts the end of an episode as a state that goes on for ever"
                )
            return
        file = self.demonstrator.file
        shown = demonstrations.read(file, world, "distill.demonstrator.skill") if file is not None else None
        if _ends_early(world) or (shown is not None and shown.lengths.min() <= world.length):
            raise ConfigError(
                f"distill.method: {self.name!r}: episodes of {world.name} may end early, and its observation does not"
                " show that (World.shows_end): their length alone would tell who acts"
            )

    def absorbing_weight(self, plan: Plan) -> float:
        """γ / (1 - γ), what an end counts; 0 where no episode ends early.

        Args:
            plan: of the round.
        """
        gamma = plan.horizon.gamma
        return gamma / (1 - gamma) if plan.world(1).shows_end else 0.0

    def content(self, plan: Plan) -> dict[str, Any]:
        spent = {"round": plan.round.model_dump(mode="json", include={"steps"}, exclude_defaults=True)}
        return {**super().content(plan), **spent, "reward": self.name}

    def spends(self, condition: Condition, level: int) -> tuple[int, int]:
        """The looks, and the steps at most: those of demonstrations, and those of the learner."""
        looks, tried = self.looks(world_of(condition, level), self.states)
        learnt = (condition.assistant if level else condition.task).steps
        return looks, self.shown + tried + learnt

    @property
    def shown(self) -> int:
        """Steps of the demonstrator that acts."""
        return 0 if self.demonstrator.file is not None else self.states

    def total(self, plan: Plan) -> tuple[int, int]:
        looks, tried = self.looks(plan.world(1), self.states)
        return self.shown + tried + plan.schedule.total()[0], looks

    def steps_after(self, rollouts: int, plan: Plan) -> int:
        return self.shown + plan.schedule.steps_due(rollouts)


class GAILSettings(AdversarialSettings):
    """Distill by GAIL (Ho and Ermon 2016): the learner is rewarded for steps that a discriminator takes to be
    demonstrated."""

    made_by: ClassVar = "rrm.distill.adversarial.distiller:GAIL"

    method: Literal["gail"] = "gail"


class AIRLSettings(AdversarialSettings):
    """Distill by AIRL (Fu et al. 2018): like GAIL, but the discriminator is made of a reward, which is left."""

    made_by: ClassVar = "rrm.distill.adversarial.distiller:AIRL"

    method: Literal["airl"] = "airl"
    use_action: bool = Field(
        default=False,
        description="Whether the reward is one of the state and the action, g(s, a), and not of the next state alone,"
        " g(s'). That of states is the one that survives a change of the world.",
    )

    def check(self, plan: Plan) -> None:
        super().check(plan)
        skill = self.demonstrator.skill
        if skill is not None and self.demonstrator.file is None and ":" not in skill:
            warn_of_certainty(skill)


@cache
def warn_of_certainty(skill: str) -> None:
    """Say, once, that a demonstrator always does the same.

    Args:
        skill: the demonstrator's name.
    """
    logging.getLogger("rrm").warning(
        "distill.demonstrator.skill: %r does the same each time it is in a state. AIRL takes it to choose at random,"
        " better actions more often: its reward will say little",
        skill,
    )


def _ends_early(world: World) -> bool:
    """Whether an episode of random play ends before its time in one of the world's copies."""
    rng = np.random.default_rng(0)
    world.reset(np.arange(world.n), rng)
    return any(world.step(random_actions(world.action_space, world.n, rng)).any() for _ in range(world.length - 1))

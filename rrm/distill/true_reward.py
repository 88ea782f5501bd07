"""The oracle: an agent trained on the true utility, which nothing else that learns may read. It asks for no labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rrm.agents.agent import Agent
from rrm.agents.state import State, Tensors
from rrm.distill.base import Context
from rrm.distill.training import Training
from rrm.feedback.recorder import Recorder
from rrm.protocols import Distiller, Row


class TrueReward(Distiller):
    """The learner trained on the true utility, without an evaluator.

    Args:
        context: the round's plan, settings and stores.
    """

    def __init__(self, context: Context) -> None:
        self.rollouts = context.plan.schedule.rollouts
        world = context.plan.world(context.plan.schedule.num_envs)
        self.training = Training(context, world, None, Recorder(world))

    def rollout(self, number: int) -> Row:
        return {**self.training.rollout(number), "labels": 0}

    def agent(self) -> Agent:
        return self.training.learner.agent()

    def state(self) -> State:
        return self.training.state()

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.training.load_state(tensors, values)

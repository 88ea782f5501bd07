"""Reinforcement learning in a round's world, for the distillers that train an agent on a reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rrm.agents.state import State, Tensors, as_arrays, as_tensors
from rrm.agents.vec_env import WorldVecEnv
from rrm.distill.base import Context
from rrm.distill.episode_metrics import EpisodeMetrics, true_utility
from rrm.envs.world import Floats, World
from rrm.feedback.recorder import Recorder
from rrm.protocols import Learner, RewardFunction, Row
from rrm.rewards.wrappers import RewardVecEnv
from rrm.storage.checkpoint import joined, part
from rrm.streams import Purpose

SHOWN = 64
"""Finished training episodes of a rollout that are shown to the overseer for the learning curve."""


def unread(world: World) -> Floats:
    """The score where a reward function takes the place of the world's own: nothing, and nothing to be computed.

    Args:
        world: n copies.
    """
    return np.zeros(world.n)


class Training:
    """A learner in the copies of a round's world, whose episodes are recorded and measured.

    Args:
        context: the round.
        world: its world, with the copies to be stepped.
        reward: what the learner receives; None: the difference of the true utility, which makes its policy the oracle.
        recorder: observes every moment, and records those that may be asked about.
        bootstrap: whether the learner bootstraps where a time limit truncates an episode. It never bootstraps past a
            window.
        scored: whether the overseer judges states, so that its score can be compared with the utility.
        limit: after how many steps an episode is cut; None: episodes are whole.
        measured: whether it is measured how episodes end, as it is where they are whole.
    """

    def __init__(
        self,
        context: Context,
        world: World,
        reward: RewardFunction | None,
        recorder: Recorder,
        *,
        bootstrap: bool = True,
        scored: bool = True,
        limit: int | None = None,
        measured: bool = True,
    ) -> None:
        plan = context.plan
        self.context = context
        self.world = world
        self.recorder = recorder
        self._board = EpisodeMetrics(recorder, 0)
        self._scored = scored
        self._limited, self._measured = limit is not None, measured
        self._base = WorldVecEnv(
            world,
            seed=plan.streams.generator(Purpose.EPISODES),
            start=context.start,
            score=unread if reward else true_utility,
            bootstrap=bootstrap and plan.horizon.window is None,
            limit=limit,
        )
        if measured:
            self._base.observers += [recorder, self._board]
        self.env = RewardVecEnv(self._base, reward) if reward else self._base
        make = plan.condition.learner.find()
        self.learner: Learner = make(self.env, world.layout, plan.streams.seed(Purpose.LEARNER), **plan.learning)

    def rollout(self, number: int) -> Row:
        """Take one rollout and learn from it; returns the steps so far, and how its episodes ended."""
        plan = self.context.plan
        self._board.clear(self._shown_after(number))
        self.learner.learn_rollout(plan.schedule.pace(number))
        labels, streams = self.context.labels, plan.streams.part(Purpose.CURVE, number)
        figures = self._board.figures(labels.overseer, streams, labels.evaluate, labels.evaluated)
        row: Row = {"env_steps": plan.schedule.steps_due(number + 1)}
        for name in ("utility", "evaluator_score", "hack_rate"):
            row[name] = getattr(figures, name) if figures else None
        return row

    def _shown_after(self, number: int) -> int:
        """How many episodes are shown to the overseer after a rollout."""
        if not self._scored:
            return 0
        labels = self.context.labels
        return (
            SHOWN if labels.overseer.free else max(0, self.context.plan.curve_labels_due(number + 1) - labels.evaluated)
        )

    def state(self) -> State:
        tensors, values = joined(
            {
                "learner": self.learner.state(),
                "world": (as_tensors(self.world.save(np.arange(self.world.n))), {}),
                "recorder": (as_tensors(self.recorder.state()), {}),
            }
        )
        steps = {"steps": self._base.steps.tolist()} if self._limited else {}
        return tensors, {**values, "episodes": self._base.rng.bit_generator.state, **steps}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.world.load(as_arrays(part("world", tensors, values)[0]), np.arange(self.world.n))
        self._base.resume()
        if isinstance(self.env, RewardVecEnv):
            self.env.resume(self.world.observe())
        self.recorder.load_state(as_arrays(part("recorder", tensors, values)[0]))
        self._base.rng.bit_generator.state = values["episodes"]
        if self._limited:
            self._base.steps[:] = values["steps"]
        self.learner.load_state(*part("learner", tensors, values))

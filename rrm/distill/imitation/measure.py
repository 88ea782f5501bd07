"""Measures how well an agent imitates its demonstrator, and what another generation would gain. For the report only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from gymnasium import spaces

from rrm.agents.agent import Agent
from rrm.agents.vec_env import play
from rrm.amplify.skill import choose_now
from rrm.distill.base import Context
from rrm.distill.episode_metrics import EpisodeMetrics
from rrm.distill.imitation.visits import Visits
from rrm.envs.world import Array, Floats, World
from rrm.feedback.clips import Clip
from rrm.feedback.recorder import Recorder
from rrm.protocols import Demonstrator, Overseer
from rrm.streams import Purpose

EPISODES = 32
"""By which an agent is measured."""

STATES = 256
"""In which it is compared with its demonstrator."""


class ByTheWay:
    """Asks an overseer whose answers are free, and does not store them.

    Args:
        overseer: who is asked.
    """

    def __init__(self, overseer: Overseer) -> None:
        self._overseer = overseer
        self.count = 0

    def scores(self, clips: Sequence[Clip]) -> Floats:
        self.count += len(clips)
        return self._overseer.score(clips)


@dataclass
class Acting:
    """A demonstrator as a policy: it does what it would demonstrate, one of equally good actions at random."""

    demonstrator: Demonstrator
    rng: np.random.Generator

    def __call__(self, world: World) -> Array:
        good = choose_now(self.demonstrator, world, np.arange(world.n), self.rng.spawn(world.n)).good
        return drawn(good, world, self.rng)


def drawn(good: Array, world: World, rng: np.random.Generator) -> Array:
    """An action of each state (m, …), drawn by the weights of those that are good.

    Args:
        good: weights or actions, as in ``Choice``.
        world: the world that they are of.
        rng: what they are drawn from.
    """
    if not isinstance(world.action_space, spaces.Discrete):
        return good
    ends = good.cumsum(axis=1)
    return np.asarray((rng.random(len(good))[:, None] * ends[:, -1:] >= ends).sum(axis=1))


def agreement(agent: Agent, demonstrator: Demonstrator, context: Context) -> float | None:
    """In what share of the states that the agent visits it does what the demonstrator would; None if actions are not
    discrete.

    Args:
        agent: the one that has learnt.
        demonstrator: the one from whom.
        context: of the round.
    """
    streams, visits = context.plan.streams.part(Purpose.MEASURE), Visits()
    world = context.plan.world(EPISODES)
    if not isinstance(world.action_space, spaces.Discrete):
        return None
    play(world, agent, context.start, streams.generator(Purpose.FINAL_EPISODES), on_state=visits.add)
    rng = streams.generator(Purpose.CHOICE)
    states, observations = visits.take(rng.permutation(visits.count)[:STATES])
    good = demonstrator.choose(world, states, rng.spawn(len(observations))).good
    return float((good[np.arange(len(good)), agent.predict(observations)] > 0).mean())


def gain(agent: Agent, demonstrator: Demonstrator, context: Context) -> float | None:
    """How much higher the overseer scores the episodes of the demonstrator than those of the agent, less the cost of
    steps, from the same starts; None where it only compares.

    Args:
        agent: the one that has learnt.
        demonstrator: the one from whom.
        context: of the round.
    """
    streams = context.plan.streams.part(Purpose.MEASURE)
    scores = []
    for policy in (Acting(demonstrator, streams.generator(Purpose.TRIES)), agent):
        world = context.plan.world(EPISODES)
        recorder = Recorder(world)
        metrics = EpisodeMetrics(recorder, world.n)
        rng = streams.generator(Purpose.FINAL_EPISODES)
        steps = play(world, policy, context.start, rng, (recorder, metrics))
        figures = metrics.figures(context.overseer, streams)
        if figures is None or figures.evaluator_score is None:
            return None
        scores.append(figures.evaluator_score - world.step_cost * steps / world.n)
    amplified, alone = scores
    return amplified - alone

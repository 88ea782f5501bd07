"""Random play, about which the first labels are asked."""

from __future__ import annotations

import numpy as np

from rrm.agents.vec_env import WorldVecEnv
from rrm.distill.base import Context
from rrm.distill.training import unread
from rrm.envs.spaces import random_actions
from rrm.envs.world import World
from rrm.feedback.clips import Candidates
from rrm.feedback.recorder import Recorder
from rrm.streams import Purpose


def random_play(context: Context, world: World, rng: np.random.Generator, segment: int = 0) -> Candidates:
    """Every moment of a tenth of the round's steps, played at random in copies of their own.

    Args:
        context: the round.
        world: the round's world, of which copies are made.
        rng: draws what the recorder needs to choose.
        segment: steps of each moment, if it is one of several.
    """
    plan = context.plan
    world = world.copies(world.n)
    steps = plan.schedule.random_steps // world.n
    recorder = Recorder(world, plan.of_actions, segment)
    recorder.choose(steps, steps * world.n, rng)
    episodes = plan.streams.generator(Purpose.RANDOM_EPISODES)
    env = WorldVecEnv(world, seed=episodes, start=context.start, score=unread)
    env.observers.append(recorder)
    env.reset()
    before, sticky = np.empty(0), plan.round.sticky_actions
    draws = plan.streams.generator(Purpose.RANDOM_ACTIONS)
    for step in range(steps):
        actions = random_actions(world.action_space, world.n, draws)
        if sticky and step:
            held = draws.random(world.n) < sticky
            actions[held] = before[held]
        env.step(actions)
        before = actions
    return recorder.recorded()

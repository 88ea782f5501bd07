"""Inverse reinforcement learning, exact in the world's table: a reward is found, a plan made with it, and an agent.

The demonstrator plays whole episodes. Of all rewards of states, the one that explains them best is found by maximum
likelihood (``rrm.envs.exact.inverse``), by *broad* (maximum causal entropy) or *narrow* (one step) inverse
reinforcement learning. The best plan for it is solved in the table. The agent, a network as all agents are, is fitted
to the plan in the states that it visits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from scipy.sparse import eye_array

from rrm.agents.state import State, Tensors
from rrm.amplify.skill import choose_now
from rrm.distill.base import Context
from rrm.distill.imitation.distiller import Imitation
from rrm.distill.imitation.measure import drawn
from rrm.distill.inverse.settings import VISITED, IRLSettings, table_of
from rrm.envs.exact import best_actions, max_ent, one_step, state_reward
from rrm.envs.spaces import random_actions
from rrm.envs.world import Array, Bools, Floats, World
from rrm.protocols import Row
from rrm.rewards.table_reward import StateReward
from rrm.streams import Purpose

TOLERANCE = 1e-4
"""How far the inferred reward may be from explaining how often a state is entered in an episode: less than what the
sample of demonstrations is worth."""

EXPLORE = 0.2
"""Chance of a random action at each step while the agent learns to act by its plan."""


class InverseRL(Imitation):
    """Infer the demonstrator's reward, and act as is best for it.

    Args:
        context: the round's plan, settings, overseer and stores.
    """

    settings: IRLSettings

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        table = table_of(self.world)
        assert table is not None
        self.table = table
        self.reward: Floats = np.zeros(len(table.rows))

    def rollout(self, number: int) -> Row:
        begun, arrived, taken = self._watch()
        # A reward of its own for each state: the identity, which would be too large as an array.
        features = cast(Any, eye_array(len(self.table.rows), format="csr"))
        table, window = replace(self.table, start=begun), self.settings.window
        fit: dict[str, float] = {"l2": self.settings.l2, "tolerance": TOLERANCE}
        inferred = (
            max_ent(table, features, arrived, **fit) if window is None else one_step(table, features, taken, **fit)
        )
        self.reward = inferred.weights
        self._visit(best_actions(table, state_reward(table, self.reward), window=window))
        self.fit(number)
        return {"env_steps": self.env_steps}

    def _watch(self) -> tuple[Floats, Floats, Floats]:
        """Have the demonstrator play whole episodes. Returns, of an episode on average: in which states it begins (s,),
        how often it arrives in each (s,), and how often each action is taken in each (s, a)."""
        table, streams = self.table, self.plan.streams
        draws = streams.generator(Purpose.RANDOM_ACTIONS)
        world = self.world.copies(self.settings.shown(table.length) // table.length)
        self.context.start(world, np.arange(world.n), streams.generator(Purpose.EPISODES))
        begun, arrived = (np.zeros(len(table.rows)) for _ in range(2))
        taken = np.zeros(table.next.shape[:2])
        np.add.at(begun, table.index(world.rows()), 1)
        live = np.arange(world.n)
        while len(live):
            before = table.index(world.rows()[live])
            choice = choose_now(self.demonstrator, world, live, self.generators(len(live)))
            chosen = drawn(self.counted(choice).good, world, draws)
            over = self._step(world, live, chosen)
            np.add.at(taken, (before, chosen), 1)
            np.add.at(arrived, table.index(world.rows()[live]), 1)
            live = live[~over[live]]
        return begun / world.n, arrived / world.n, taken / world.n

    def _visit(self, good: Bools) -> None:
        """Visit states by the plan ``good`` (T, s, a), with some random actions, and keep what is good in them."""
        table, streams = self.table, self.plan.streams
        rng = streams.generator(Purpose.CHOICE)
        world = self.world.copies(-(-VISITED // table.length))
        self.context.start(world, np.arange(world.n), streams.generator(Purpose.EPISODES, 1))
        live, t = np.arange(world.n), 0
        while len(live):
            weights = good[t, table.index(world.rows()[live])].astype(np.float32)
            self.add(world.observe()[live], weights)
            random = rng.random(len(live)) < EXPLORE
            planned = drawn(weights, world, rng)
            chosen = np.where(random, random_actions(world.action_space, len(live), rng), planned)
            over = self._step(world, live, chosen)
            live, t = live[~over[live]], t + 1

    def _step(self, world: World, live: Array, chosen: Array) -> Bools:
        """Step the copies ``live``; returns which of all copies (n,) are over."""
        actions = np.zeros(world.n, np.intp)
        actions[live] = chosen
        self.env_steps += len(live)
        return world.step(actions)

    def artefacts(self, folder: Path) -> Collection[Path]:
        return StateReward(self.table.rows, self.reward).save(folder / "reward")

    def state(self) -> State:
        tensors, values = super().state()
        return {**tensors, "reward": torch.from_numpy(self.reward)}, {**values, "shown": self.demonstrated}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        super().load_state(tensors, values)
        self.reward, self.demonstrated = tensors["reward"].numpy().copy(), int(values["shown"])

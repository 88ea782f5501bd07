"""Expert iteration in the loop: a rollout is a round of self-play, and the agent is the network that was learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from rrm.agents.agent import Agent
from rrm.agents.search import Search
from rrm.agents.state import State, Tensors
from rrm.distill.base import Context
from rrm.distill.expert_iteration.settings import ExpertIterationSettings
from rrm.distill.expert_iteration.training import Guide, Network, Training
from rrm.distill.imitation.measure import agreement, gain
from rrm.envs.games import BoardGame, certificate, playable
from rrm.envs.games.boards import Positions
from rrm.envs.world import Indices, World
from rrm.envs.world import State as WorldState
from rrm.protocols import Choice, Distiller, Row
from rrm.streams import Purpose


class Searching:
    """A search as a demonstrator: the move that it tries most often. Nobody is asked.

    Args:
        search: the search.
        network: what guides it.
    """

    def __init__(self, search: Search, network: Network) -> None:
        self._search, self._network = search, network

    def choose(self, world: World, states: WorldState, rngs: Sequence[np.random.Generator]) -> Choice:
        game, positions = self._network.game, states["position"]
        going = game.legal(positions).any(axis=1) & (states["outcome"] == 0)
        good = np.full((len(positions), game.cells), 1 / game.cells, np.float32)  # any move where the game is over
        if going.any():
            # Without noise in the prior nothing is drawn.
            visits = self._search.visits(game, Guide(self._network), positions[going], np.random.default_rng(0))
            good[going] = np.eye(game.cells, dtype=np.float32)[visits.argmax(axis=1)]
        return Choice(good, looks=0, env_steps=int(going.sum()) * self._search.simulations)


class ExpertIteration(Distiller):
    """A policy that imitates the search that it guides.

    Args:
        context: the round's plan, settings, overseer and stores.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.settings: ExpertIterationSettings = context.settings
        self.rollouts = self.settings.rounds
        world = context.plan.world(1)
        assert isinstance(world, BoardGame)
        self.world = world
        streams = context.plan.streams
        seed = streams.seed(Purpose.LEARNER)
        self.training = Training(
            world.game, self.settings, seed, lambda number: streams.generator(Purpose.LEARNER, number)
        )
        self.env_steps = 0
        self.demonstrated = 0

    def rollout(self, number: int) -> Row:
        games, moves = self.training.round(number)
        self.demonstrated += len(games.outcomes)
        self.env_steps += moves + len(games.outcomes) * self.settings.demonstrator.search.simulations
        return {"env_steps": self.env_steps}

    def agent(self) -> Agent:
        """The network as a policy of the suite. What it learnt with one body for both, policy and critic each have."""
        network, width = self.training.network, self.settings.hidden
        agent = Agent.untrained(self.world, (width, width))
        policy = agent.policy
        with torch.no_grad():
            for body in (policy.mlp_extractor.policy_net, policy.mlp_extractor.value_net):
                body.load_state_dict(network.body.state_dict())
            policy.action_net.load_state_dict(network.policy.state_dict())
            policy.value_net.load_state_dict(network.outcome.state_dict())
        return agent

    def summary(self) -> Row:
        agent, game = self.agent(), self.world.game

        def move(positions: Positions) -> Indices:
            """What the agent does in the world, in any positions."""
            return playable(game, positions, agent.predict(game.planes(positions)))

        search = Search(**self.settings.demonstrator.search.model_dump(exclude={"noise"}))
        shown = Searching(search, self.training.network)
        row: Row = {"demonstrated": self.demonstrated, "looks": 0}
        row["agreement"] = agreement(agent, shown, self.context)
        row["gain"] = gain(agent, shown, self.context)
        for name, second in (("guaranteed_first", False), ("guaranteed_second", True)):
            row[name] = certificate(game, move, second=second).value
        return row

    def state(self) -> State:
        tensors, values = self.training.state()
        return tensors, {**values, "env_steps": self.env_steps, "demonstrated": self.demonstrated}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.training.load_state(tensors, values)
        self.env_steps, self.demonstrated = int(values["env_steps"]), int(values["demonstrated"])

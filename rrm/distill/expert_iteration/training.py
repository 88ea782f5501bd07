"""Expert iteration in games: a search plays against itself, and the network that guides it imitates the search.

Anthony et al. 2017, "Thinking fast and slow with deep learning and tree search"; AlphaGo Zero (Silver et al. 2017). In
each round the network imitates how often the search tried each move, and predicts the outcome.

    for number, network in train(make_game("hex3"), seed=0):
        certificate(game, network.move)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import log_softmax, softmax
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rrm.agents.search import Search
from rrm.agents.state import State, Tensors, as_arrays, as_tensors, load_moments, moments
from rrm.distill.expert_iteration.settings import ExpertIterationSettings
from rrm.envs.games import Game
from rrm.envs.games.boards import Positions
from rrm.envs.world import Floats, Indices


class Network(nn.Module):
    """Prior and value of a game's positions: two hidden layers on the stones.

    Args:
        game: whose positions it reads.
        hidden: the width of its layers.
    """

    def __init__(self, game: Game, hidden: int) -> None:
        super().__init__()
        self.game = game
        layers = (nn.Linear(2 * game.cells, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.body = nn.Sequential(*layers)
        self.policy, self.outcome = nn.Linear(hidden, game.cells), nn.Linear(hidden, 1)

    def forward(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits (m, cells) of the moves, and the expected outcome (m,) for whoever is to move."""
        features = self.body(planes)
        return self.policy(features), torch.tanh(self.outcome(features)).squeeze(1)

    def move(self, positions: Positions) -> Indices:
        """The most likely moves (m,).

        Args:
            positions: m of them.
        """
        return np.asarray(Guide(self).prior(positions).argmax(axis=1))


class Guide:
    """A network as the guide of a search. It is made anew for each search, since it remembers the last positions.

    Args:
        network: the network.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._last: tuple[Positions, Floats, Floats] | None = None

    def prior(self, positions: Positions) -> Floats:
        """(m, cells) how likely each legal move is."""
        return self._both(positions)[1]

    def evaluate(self, positions: Positions) -> Floats:
        """(m,) the expected outcome for whoever is to move."""
        return self._both(positions)[2]

    def _both(self, positions: Positions) -> tuple[Positions, Floats, Floats]:
        if self._last is None or self._last[0] is not positions:
            game = self._network.game
            with torch.no_grad():
                logits, outcome = self._network(torch.from_numpy(game.planes(positions)))
            # A full board has no legal move, and no prior that matters.
            weights = softmax(torch.where(torch.from_numpy(game.legal(positions)), logits.double(), -1e9), 1)
            self._last = positions, weights.numpy(), outcome.double().numpy()
        return self._last


class Training:
    """The network, its average over the updates, which plays and is learnt from, and the games of the last rounds.

    Args:
        game: the game.
        settings: of the training.
        seed: of the first weights.
        rng: makes the generator of a round, by its number from 0.
    """

    def __init__(
        self, game: Game, settings: ExpertIterationSettings, seed: int, rng: Callable[[int], np.random.Generator]
    ) -> None:
        self.game, self.settings = game, settings
        self._rng = rng
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._network = Network(game, settings.hidden)
        self._optimiser = torch.optim.Adam(self._network.parameters(), lr=settings.learning_rate)
        average = get_ema_multi_avg_fn(settings.ema_decay)  # type: ignore[no-untyped-call]  # torch gives it no types
        self._mean = AveragedModel(self._network, multi_avg_fn=average)
        self.memory: deque[Games] = deque(maxlen=settings.memory)

    @property
    def network(self) -> Network:
        """The averaged network. Rounds change its weights: copy them to keep them."""
        averaged = self._mean.module
        assert isinstance(averaged, Network)
        return averaged

    def round(self, number: int) -> tuple[Games, int]:
        """Play a round of games, and fit the network to those of the last rounds.

        Args:
            number: of the round, from 0.

        Returns:
            What was played, and how many moves that took, random ones included.
        """
        rng, settings = self._rng(number), self.settings
        games, moves = self_play(self.game, self.network, settings, rng)
        self.memory.append(games)
        for group in self._optimiser.param_groups:
            group["lr"] = settings.learning_rate * settings.decay**number
        for _ in _fit(self._network, self._optimiser, self.memory, settings, rng):
            self._mean.update_parameters(self._network)
        return games, moves

    def state(self) -> State:
        """All that the next round depends on."""
        weights = {f"network.{name}": value.clone() for name, value in self._network.state_dict().items()}
        weights |= {f"mean.{name}": value.clone() for name, value in self._mean.state_dict().items()}
        parts = zip(Games._fields, zip(*self.memory, strict=True), strict=True)
        memory = as_tensors({f"memory.{name}": np.concatenate(each) for name, each in parts}) if self.memory else {}
        return weights | moments(self._optimiser) | memory, {"games": [len(each.outcomes) for each in self.memory]}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        """Put back a state."""

        def part(name: str) -> Tensors:
            return {key.removeprefix(name): value for key, value in tensors.items() if key.startswith(name)}

        self._network.load_state_dict(part("network."))
        self._mean.load_state_dict(part("mean."))
        load_moments(self._optimiser, tensors)
        memory, ends = as_arrays(part("memory.")), np.cumsum(values["games"], dtype=int)[:-1]
        self.memory.clear()
        if memory:
            split = [np.split(memory[name], ends) for name in Games._fields]
            self.memory.extend(Games(*each) for each in zip(*split, strict=True))


class Round(NamedTuple):
    """A network after so many rounds of self-play."""

    number: int
    network: Network
    """The same object in each round, whose weights the next round changes: copy them to keep them."""


def train(game: Game, seed: int, settings: ExpertIterationSettings | None = None) -> Iterator[Round]:
    """The rounds 0 (not trained), 1, 2, …, without end, whatever ``settings.rounds`` says; the same for the same seed.

    Args:
        game: the game.
        seed: of the network and of self-play.
        settings: of the training.
    """
    training = Training(
        game, settings or ExpertIterationSettings(), seed, lambda number: np.random.default_rng((seed, number))
    )
    yield Round(0, training.network)
    for number in count():
        training.round(number)
        yield Round(number + 1, training.network)


class Games(NamedTuple):
    """What self-play has to say of m positions."""

    positions: Positions
    visits: Floats
    """(m, cells) the share of the search's simulations that tried each move."""
    outcomes: Floats
    """(m,) for whoever is to move."""


def self_play(
    game: Game, network: Network, settings: ExpertIterationSettings, rng: np.random.Generator
) -> tuple[Games, int]:
    """Games of the search against itself, all at once. Moves are drawn by how often the search tried them.

    The first moves of a game, up to a number that is drawn for each, are random, so that it visits other positions.

    Args:
        game: what is played.
        network: guides the search.
        settings: of the method: how many games, how many random moves, and the search.
        rng: draws the openings and the moves.

    Returns:
        What was played from the first move that was searched on, and how many moves there were in all.
    """
    search = Search(**settings.demonstrator.search.model_dump())
    positions, going = game.start(settings.games), np.arange(settings.games)
    opening = rng.integers(int(settings.random_moves * game.cells) + 1, size=settings.games)
    length, final = np.zeros(settings.games, np.intp), np.zeros(settings.games)
    seen: list[tuple[Positions, Floats, Indices, int]] = []
    for turn in range(game.cells):
        likely = game.legal(positions[going]) * 1.0
        searched = turn >= opening[going]
        if searched.any():
            which = going[searched]
            visits = search.visits(game, Guide(network), positions[which], rng) / search.simulations
            seen.append((positions[which], visits, which, turn))
            likely[searched] = visits
        drawn = rng.random((len(going), 1)) * likely.sum(axis=1, keepdims=True)
        after = game.move(positions[going], (likely.cumsum(axis=1) > drawn).argmax(axis=1))
        positions[going] = after.positions
        length[going], final[going] = turn + 1, after.value
        going = going[~after.over]
        if not len(going):
            break
    outcomes = [final[which] * np.where((length[which] - turn) % 2 == 0, 1.0, -1.0) for _, _, which, turn in seen]
    first, second = (np.concatenate([each[part] for each in seen]) for part in (0, 1))
    return Games(first, second, np.concatenate(outcomes)), int(length.sum())


def _fit(
    network: Network,
    optimiser: torch.optim.Optimizer,
    memory: Sequence[Games],
    settings: ExpertIterationSettings,
    rng: np.random.Generator,
) -> Iterator[None]:
    """Imitate the visits by cross-entropy, and predict the outcomes by squared error; yields after each update.

    Half of the positions of a minibatch are turned by half a circle, which is the same position in every game here.
    """
    positions, visits, outcomes = (np.concatenate(each) for each in zip(*memory, strict=True))
    planes = torch.from_numpy(network.game.planes(positions))
    targets, ends = torch.from_numpy(visits).float(), torch.from_numpy(outcomes).float()
    for _ in range(settings.fit_steps):
        some = torch.from_numpy(rng.integers(len(planes), size=settings.batch_size))
        logits, expected = network(_half_turned(planes[some], 2))
        imitation = -(_half_turned(targets[some], 1) * log_softmax(logits, 1)).sum(dim=1).mean()
        loss = imitation + ((expected - ends[some]) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield


def _half_turned(boards: torch.Tensor, parts: int) -> torch.Tensor:
    """Turn the boards (m, parts · cells) of the first half by half a circle."""
    whole = boards.reshape(len(boards), parts, -1)
    half = len(boards) // 2
    return torch.cat([whole[:half].flip(2), whole[half:]]).reshape(boards.shape)

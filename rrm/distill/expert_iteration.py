"""Expert iteration in games that can be solved: amplify by search, distill by imitation.

Anthony et al. 2017, "Thinking fast and slow with deep learning and tree search"; AlphaGo Zero (Silver et al. 2017). In
each round a search, guided by the network, plays against itself. The network then imitates how often the search tried
each move, and predicts the outcome. Games have two players and no evaluator, so ``distill.method`` does not offer it.

    for round in train(make_game("hex3"), seed=0):
        certificate(game, round.network.move)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import log_softmax, softmax
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rrm.agents.search import Search
from rrm.envs.games import Game
from rrm.envs.games.boards import Positions
from rrm.envs.world import Floats, Indices


@dataclass(frozen=True)
class Settings:
    """How a network is trained.

    Args:
        simulations: of the search, at each move.
        games: of self-play in a round.
        memory: how many rounds' games the network is fitted to.
        hidden: the width of its two hidden layers.
        updates: fits of a minibatch in a round.
        batch_size: of a minibatch.
        learning_rate: of Adam in the first round.
        decay: what the learning rate is multiplied by after each round.
        averaging: how much of the averaged weights is kept at each update. The averaged network plays and is returned.
        noise: the share of noise in the prior of the root, in self-play.
        random_moves: at most so many moves at the beginning of a game of self-play are random, as a share of the cells.
    """

    simulations: int = 32
    games: int = 192
    memory: int = 5
    hidden: int = 128
    updates: int = 150
    batch_size: int = 256
    learning_rate: float = 5e-3
    decay: float = 0.93
    averaging: float = 0.99
    noise: float = 0.25
    random_moves: float = 0.75


PRESETS: Final = {
    "tictactoe": Settings(),
    "hex2": Settings(games=32, updates=50),
    "hex3": Settings(),
    "hex4": Settings(
        simulations=64, games=256, memory=10, hidden=256, learning_rate=3e-3, decay=0.97, random_moves=0.5
    ),
}
"""The settings for each game."""


class Network(nn.Module):
    """Prior and value of a game's positions: two hidden layers on the stones."""

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
        """(m,) the most likely moves."""
        return np.asarray(Guide(self).prior(positions).argmax(axis=1))


class Guide:
    """A network as the guide of a search. It is made anew for each search, since it remembers the last positions."""

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


class Round(NamedTuple):
    """A network after so many rounds of self-play."""

    number: int
    network: Network
    """The same object in each round, whose weights the next round changes: copy them to keep them."""


def train(game: Game, seed: int, settings: Settings | None = None) -> Iterator[Round]:
    """The rounds 0 (not trained), 1, 2, …, without end; the same for the same seed.

    Args:
        game: the game.
        seed: of the network and of self-play.
        settings: of the training; by default those of the game in ``PRESETS``.
    """
    settings = settings or PRESETS[game.name]
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(game, settings.hidden)
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    average = get_ema_multi_avg_fn(settings.averaging)  # type: ignore[no-untyped-call]  # torch gives it no types
    mean = AveragedModel(network, multi_avg_fn=average)
    averaged = mean.module
    assert isinstance(averaged, Network)
    memory: deque[Games] = deque(maxlen=settings.memory)
    yield Round(0, averaged)
    for number in count(1):
        memory.append(self_play(game, averaged, settings, rng))
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * settings.decay ** (number - 1)
        for _ in _fit(network, optimiser, memory, settings, rng):
            mean.update_parameters(network)
        yield Round(number, averaged)


class Games(NamedTuple):
    """What self-play has to say of m positions."""

    positions: Positions
    visits: Floats
    """(m, cells) the share of the search's simulations that tried each move."""
    outcomes: Floats
    """(m,) for whoever is to move."""


def self_play(game: Game, network: Network, settings: Settings, rng: np.random.Generator) -> Games:
    """Games of the search against itself, all at once. Moves are drawn by how often the search tried them.

    The first moves of a game, up to a number that is drawn for each, are random, so that it visits other positions.
    """
    search = Search(settings.simulations, noise=settings.noise)
    positions, going = game.start(settings.games), np.arange(settings.games)
    opening = rng.integers(int(settings.random_moves * game.cells) + 1, size=settings.games)
    length, final = np.zeros(settings.games, np.intp), np.zeros(settings.games)
    seen: list[tuple[Positions, Floats, Indices, int]] = []
    for turn in range(game.cells):
        likely = game.legal(positions[going]) * 1.0
        searched = turn >= opening[going]
        if searched.any():
            which = going[searched]
            visits = search.visits(game, Guide(network), positions[which], rng) / settings.simulations
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
    return Games(first, second, np.concatenate(outcomes))


def _fit(
    network: Network,
    optimiser: torch.optim.Optimizer,
    memory: Sequence[Games],
    settings: Settings,
    rng: np.random.Generator,
) -> Iterator[None]:
    """Imitate the visits by cross-entropy, and predict the outcomes by squared error; yields after each update."""
    positions, visits, outcomes = (np.concatenate(each) for each in zip(*memory, strict=True))
    planes = torch.from_numpy(network.game.planes(positions))
    targets, ends = torch.from_numpy(visits).float(), torch.from_numpy(outcomes).float()
    for _ in range(settings.updates):
        some = torch.from_numpy(rng.integers(len(planes), size=settings.batch_size))
        logits, expected = network(planes[some])
        imitation = -(targets[some] * log_softmax(logits, 1)).sum(dim=1).mean()
        loss = imitation + ((expected - ends[some]) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        yield

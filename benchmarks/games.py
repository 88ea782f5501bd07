"""Expert iteration in games: how soon a network is proved unbeaten, and how often it is right.

    python benchmarks/games.py hex3               # ten seeds, about 3 minutes of CPU time
    python benchmarks/games.py hex4 --seeds 0 1 2 # stops when the network is proved unbeaten

After each round the network's most likely moves play against all replies (``rrm.envs.games.certificate``). *Proved
unbeaten* is the CPU time of training after which it first gets what the game is worth to whoever moves first. Where the
game is solved, *right* is the share of the positions in which a move can be wrong and it keeps the value, and *gain* is
by how much the search guided by the network is right more often. Training stops after ``--seconds`` of CPU time; the
time of measuring does not count.
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import numpy as np
import torch

from rrm.agents.search import Search
from rrm.config.load import load
from rrm.distill.expert_iteration.settings import ExpertIterationSettings
from rrm.distill.expert_iteration.training import Guide, Network, train
from rrm.envs.games import Game, Solved, certificate, make_game, solve
from rrm.envs.markdown import number

SOLVED_UP_TO = 9
"""Cells."""


class Played(NamedTuple):
    """What one seed came to."""

    unbeaten: float | None
    """Seconds of CPU time after which the network was first proved unbeaten."""
    right: tuple[float, float] | None
    """The share of the positions in which network and search are right at the end, where the game is solved."""
    rounds: int
    seconds: float


def settings_of(name: str) -> ExpertIterationSettings:
    """Those of the game's preset."""
    settings = next(iter(load(name).conditions.values())).distill
    assert isinstance(settings, ExpertIterationSettings)
    return settings


def right(game: Game, network: Network, solved: Solved, simulations: int) -> tuple[float, float]:
    """The share of the decisive positions in which the network and the search that it guides keep the value."""
    decisive = solved.decisive(game)
    positions, best = solved.positions[decisive], solved.best[decisive]
    visits = Search(simulations).visits(game, Guide(network), positions, np.random.default_rng(0))
    every = np.arange(len(positions))
    moves = (network.move(positions), visits.argmax(axis=1))
    return float(best[every, moves[0]].mean()), float(best[every, moves[1]].mean())


def play(game: Game, settings: ExpertIterationSettings, seed: int, seconds: float) -> Played:
    """Train with one seed."""
    simulations = settings.demonstrator.search.simulations
    solved = solve(game) if game.cells <= SOLVED_UP_TO else None
    worth = solved.value if solved else 1  # in Hex whoever moves first wins: nobody can lose by an extra stone
    rounds, spent, unbeaten = train(game, seed, settings), 0.0, None
    while True:
        before = time.process_time()
        number, network = next(rounds)
        spent += time.process_time() - before
        if unbeaten is None and certificate(game, network.move).value >= worth:
            unbeaten = spent
        if spent >= seconds or (unbeaten is not None and not solved):
            return Played(unbeaten, right(game, network, solved, simulations) if solved else None, number, spent)


def row(seed: int, played: Played) -> list[str]:
    """The cells of the table."""
    cells = [str(seed), "–" if played.unbeaten is None else f"{played.unbeaten:.1f} s"]
    if played.right:
        alone, searched = played.right
        cells += [f"{alone:.4f}", f"{searched:.4f}", number(round(searched - alone, 4) or 0.0)]
    return [*cells, str(played.rounds), f"{played.seconds:.1f} s"]


def main() -> None:
    """Train, and print a table."""
    parser = argparse.ArgumentParser(description="Expert iteration in games, against the exact solution.")
    parser.add_argument("game", choices=["hex3", "hex4"])
    parser.add_argument("--seeds", type=int, nargs="+", default=range(10))
    parser.add_argument("--seconds", type=float, help="of training; 15, or 300 where the game is not solved")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    game, settings = make_game(arguments.game), settings_of(arguments.game)
    measured = ["right", "right with search", "gain"] if game.cells <= SOLVED_UP_TO else []
    for line in (head := ["seed", "proved unbeaten", *measured, "rounds", "CPU time"], ["---"] * len(head)):
        print(f"| {' | '.join(line)} |")
    seconds = arguments.seconds or (15.0 if measured else 300.0)
    for seed in arguments.seeds:
        print(f"| {' | '.join(row(seed, play(game, settings, seed, seconds)))} |", flush=True)


if __name__ == "__main__":
    main()

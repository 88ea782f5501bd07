"""Board games for two that are small enough to be solved: Hex and tic-tac-toe, as bit masks.

    game = make_game("hex3")
    solved = solve(game)
    solved.value                                       # 1: whoever moves first wins
    certificate(game, lambda positions: …).value       # what a policy gets at least, whatever the opponent replies

All positions of a batch are stepped together. A position is seen by whoever is to move.
"""

from rrm.envs.games.boards import GAMES, Game, make_game
from rrm.envs.games.certificate import Certificate, certificate
from rrm.envs.games.solver import Solved, solve

__all__ = ["GAMES", "Certificate", "Game", "Solved", "certificate", "make_game", "solve"]

"""Board games for two that are small enough to be solved: Hex and tic-tac-toe, as bit masks.

    game = make_game("hex3")
    solved = solve(game)
    solved.value                                       # 1: whoever moves first wins
    certificate(game, lambda positions: …).value       # what a policy gets at least, whatever the opponent replies

All positions of a batch are stepped together. A position is seen by whoever is to move. Each game is a world, too, in
which an agent plays against random moves: ``env: rrm.envs.games:games/Hex3-v0``.
"""

from rrm.envs.adapters import register
from rrm.envs.games.boards import GAMES, Game, make_game
from rrm.envs.games.certificate import Certificate, certificate
from rrm.envs.games.solver import Solved, solve
from rrm.envs.games.world import BoardGame, playable

__all__ = ["GAMES", "BoardGame", "Certificate", "Game", "Solved", "certificate", "make_game", "playable", "solve"]

register("games/Hex3-v0", BoardGame, game="hex3")
register("games/Hex4-v0", BoardGame, game="hex4")
register("games/TicTacToe-v0", BoardGame, game="tictactoe")

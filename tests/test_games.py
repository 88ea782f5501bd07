"""Board games against a second solver, search and expert iteration."""

from __future__ import annotations

from functools import cache
from itertools import islice

import numpy as np
import pytest
import torch

from benchmarks.games import play, right, row
from rrm.agents.search import Search
from rrm.distill.expert_iteration.settings import ExpertIterationSettings
from rrm.distill.expert_iteration.training import Guide, self_play, train
from rrm.envs.games import GAMES, Game, certificate, make_game, solve
from rrm.envs.games.boards import Positions
from rrm.envs.world import Floats

# --- A second solver: boards of characters, rules once more -----------------------------------------------------------

NEAR = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1))


def connects(board: str, size: int, player: str) -> bool:
    """x joins top and bottom, o left and right."""
    edge = range(size) if player == "x" else range(0, size * size, size)
    todo = [cell for cell in edge if board[cell] == player]
    seen = set(todo)
    while todo:
        r, c = divmod(todo.pop(), size)
        if (r if player == "x" else c) == size - 1:
            return True
        for down, along in NEAR:
            neighbour = (r + down) * size + c + along
            if 0 <= r + down < size and 0 <= c + along < size and neighbour not in seen and board[neighbour] == player:
                seen.add(neighbour)
                todo.append(neighbour)
    return False


def lines(board: str, size: int, player: str) -> bool:
    rows = [range(i * size, (i + 1) * size) for i in range(size)]
    columns = [range(i, size * size, size) for i in range(size)]
    diagonals = [range(0, size * size, size + 1), range(size - 1, size * size - 1, size - 1)]
    return any(all(board[cell] == player for cell in line) for line in [*rows, *columns, *diagonals])


def by_hand(name: str) -> dict[str, tuple[int, set[int]]]:
    """All boards in which somebody is to move: the value for that player, and the best moves."""
    game, size = make_game(name), make_game(name).size
    won = lines if name == "tictactoe" else connects
    solved: dict[str, tuple[int, set[int]]] = {}

    @cache
    def value(board: str) -> int:
        player, other = "xo" if board.count("x") == board.count("o") else "ox"
        if won(board, size, other):
            return -1
        if "." not in board:
            return 0
        worth = {
            cell: -value(board[:cell] + player + board[cell + 1 :]) for cell in range(game.cells) if board[cell] == "."
        }
        solved[board] = max(worth.values()), {cell for cell, each in worth.items() if each == max(worth.values())}
        return max(worth.values())

    value("." * game.cells)
    return solved


def drawn(game: Game, position: Positions) -> tuple[str, np.ndarray]:
    """The board of x, who moves first, and where its cells are in the position."""
    mine, theirs = (int(part) for part in position)
    first = bin(mine).count("1") == bin(theirs).count("1")
    cells = np.arange(game.cells)
    if not first and game.name != "tictactoe":  # the second player's board is transposed
        cells = cells.reshape(game.size, game.size).T.ravel()
    marks = "xo" if first else "ox"
    return "".join(marks[0] if mine >> c & 1 else marks[1] if theirs >> c & 1 else "." for c in cells), cells


@pytest.mark.parametrize("name", ["hex2", "hex3", "tictactoe"])
def test_a_second_solver_finds_the_same(name: str) -> None:
    game, expected = make_game(name), by_hand(name)
    solved = solve(game)
    assert len(solved.positions) == len(expected)
    for position, value, best in zip(solved.positions, solved.values, solved.best, strict=True):
        board, cells = drawn(game, position)
        assert expected[board] == (value, {int(np.flatnonzero(cells == c)[0]) for c in np.flatnonzero(best)}), board


def test_what_is_known_of_the_games() -> None:
    assert {name: solve(make_game(name)).value for name in GAMES if name != "hex4"} == {
        "hex2": 1, "hex3": 1, "tictactoe": 0
    }  # fmt: skip
    hex3 = make_game("hex3")
    assert solve(hex3).decisive(hex3).sum() == 2429
    assert make_game("hex4").won.sum() == 2**16 // 2  # of two ways to fill a board and its mirror, one connects
    with pytest.raises(ValueError, match="'hex5' is no game; there are hex2, hex3, hex4, tictactoe"):
        make_game("hex5")


# --- Certificates -----------------------------------------------------------------------------------------------------


def optimal(game: Game) -> dict[tuple[int, int], int]:
    solved = solve(game)
    return {(int(m), int(t)): int(best.argmax()) for (m, t), best in zip(solved.positions, solved.best, strict=True)}


@pytest.mark.parametrize(("name", "first", "second"), [("hex3", 1, -1), ("tictactoe", 0, 0)])
def test_optimal_play_is_proved_to_get_the_value(name: str, first: int, second: int) -> None:
    game, moves = make_game(name), optimal(make_game(name))

    def policy(positions: Positions) -> np.ndarray:
        return np.array([moves[int(m), int(t)] for m, t in positions])

    assert certificate(game, policy).value == first
    assert certificate(game, policy, second=True).value == second


def test_a_policy_that_can_be_beaten_is_not_certified() -> None:
    game = make_game("tictactoe")
    lowest = certificate(game, lambda positions: game.legal(positions).argmax(axis=1))
    assert lowest.value == -1 and lowest.positions > 5
    with pytest.raises(ValueError, match="moves to a cell that is not empty"):
        certificate(game, lambda positions: np.zeros(len(positions), int))


# --- Search -----------------------------------------------------------------------------------------------------------


class Uniform:
    """Knows nothing but which moves are legal."""

    def __init__(self, game: Game) -> None:
        self.game = game

    def prior(self, positions: Positions) -> Floats:
        legal = self.game.legal(positions)
        return np.asarray(legal / np.maximum(legal.sum(axis=1, keepdims=True), 1))

    def evaluate(self, positions: Positions) -> Floats:
        return np.zeros(len(positions))


def test_search_alone_finds_the_best_moves() -> None:
    game = make_game("tictactoe")
    solved = solve(game)
    late = np.flatnonzero(solved.decisive(game) & (game.legal(solved.positions).sum(axis=1) <= 4))
    visits = Search(200).visits(game, Uniform(game), solved.positions[late], np.random.default_rng(0))
    assert (visits.sum(axis=1) == 200).all() and not visits[~game.legal(solved.positions[late])].any()
    assert solved.best[late, visits.argmax(axis=1)].mean() > 0.99


def test_one_simulation_gains_nothing() -> None:
    game = make_game("hex3")
    network = next(train(game, 3)).network
    positions = solve(game).positions
    visits = Search(1).visits(game, Guide(network), positions, np.random.default_rng(0))
    assert np.array_equal(visits.argmax(axis=1), network.move(positions))


def test_noise_makes_other_moves_likely() -> None:
    game, rng = make_game("hex3"), np.random.default_rng(0)
    roots = game.start(200)
    plain, noisy = (Search(8, noise=noise).visits(game, Uniform(game), roots, rng) for noise in (0.0, 0.5))
    assert (plain == plain[0]).all() and len(np.unique(noisy.argmax(axis=1))) > 4
    with pytest.raises(ValueError, match="simulations must be at least 1, got 0"):
        Search(0)


# --- Expert iteration -------------------------------------------------------------------------------------------------

FEW = {"demonstrator": {"search": {"simulations": 16}}, "games": 48, "hidden": 32, "fit_steps": 40}
SHORT = ExpertIterationSettings.model_validate(FEW)


def test_self_play_says_who_won() -> None:
    game = make_game("hex3")
    network = next(train(game, 0, SHORT)).network
    games, moves = self_play(game, network, SHORT, np.random.default_rng(0))
    assert moves >= len(games.outcomes)
    assert np.allclose(games.visits.sum(axis=1), 1) and set(games.outcomes) == {-1.0, 1.0}
    solved = solve(game)
    value = {(int(m), int(t)): int(v) for (m, t), v in zip(solved.positions, solved.values, strict=True)}
    last = game.legal(games.positions).sum(axis=1) <= 2  # where the search sees all
    expected = np.array([value[int(m), int(t)] for m, t in games.positions[last]])
    assert (games.outcomes[last] == expected).mean() > 0.8


def test_a_network_learns_to_play_and_the_search_gains_less() -> None:
    game = make_game("hex3")
    solved = solve(game)
    before, after = [right(game, each.network, solved, 16) for each in islice(train(game, 0, SHORT), 0, 9, 8)]
    assert before[0] < 0.5 and after[0] > 0.8 and after[1] > 0.95
    assert after[1] - after[0] < before[1] - before[0]


def test_training_is_the_same_for_the_same_seed_and_leaves_the_global_generator() -> None:
    game, before = make_game("hex2"), torch.random.get_rng_state()
    one, two, other = (list(islice(train(game, seed), 3))[-1].network.state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_benchmark_plays_until_the_time_is_up() -> None:
    played = play(make_game("hex2"), SHORT, 0, seconds=0.5)
    assert played.unbeaten is not None and played.right is not None and played.right[0] > 0.7
    assert played.rounds > 0 and len(row(0, played)) == 7

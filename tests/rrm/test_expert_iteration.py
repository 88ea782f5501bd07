"""Expert iteration in the loop: it plays, resumes, costs what it says, and its agent is proved unbeaten."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rrm
from rrm.config.cost import cost
from rrm.config.load import load
from rrm.envs import make_world
from rrm.envs.check import CHECKS
from rrm.envs.games import BoardGame, certificate, make_game, playable
from rrm.envs.games.boards import Positions
from rrm.envs.readings import everyone
from rrm.errors import ConfigError
from rrm.report.rounds import load_agent
from rrm.rounds.plan import Plan, plan
from tests.helpers.training import left_by, stop_after, stopped, train

TICTACTOE = "rrm.envs.games:games/TicTacToe-v0"
FEW = {"demonstrator": {"search": {"simulations": 6}}, "rounds": 3, "games": 16, "hidden": 16, "fit_steps": 10}


def tree(**distill: Any) -> dict[str, Any]:
    method = {"method": "expert_iteration", **FEW, **distill}
    return {"env": TICTACTOE, "episodes": 50, "conditions": {"searched": {}}, "distill": method}


def last(**distill: Any) -> Plan:
    return plan(load(tree(**distill)).conditions["searched"], 0)


def test_it_learns_from_nobody_and_says_what_is_proved(tmp_path: Path) -> None:
    each = last(rounds=5, games=48, fit_steps=60)
    (result,) = train(each, tmp_path)
    assert result["utility"] > 0.25 and result["labels"] == result["looks"] == 0 and result["hack_rate"] is None
    assert 0 < result["agreement"] <= 1 and -0.2 < result["gain"] < 1
    assert 5 * 48 < result["demonstrated"] * 7 < result["env_steps"] <= each.total[0]
    game, agent = make_game("tictactoe"), load_agent(tmp_path / each.name)

    def move(positions: Positions) -> np.ndarray:
        return playable(game, positions, agent.predict(game.planes(positions)))

    proved = [certificate(game, move, second=second).value for second in (False, True)]
    assert [result["guaranteed_first"], result["guaranteed_second"]] == proved
    assert agent.algorithm == "expert_iteration"


def test_it_resumes_bit_exactly(tmp_path: Path) -> None:
    train(last(memory=2), tmp_path / "whole")
    for _ in range(3):
        stopped(last(memory=2), tmp_path / "parts", stop_after(1))
    train(last(memory=2), tmp_path / "parts")
    assert left_by(last(memory=2), tmp_path / "parts") == left_by(last(memory=2), tmp_path / "whole")


def test_a_run_beside_the_oracle_has_a_report(tmp_path: Path) -> None:
    ppo = {"task": {"steps": 1000}, "learner": {"num_envs": 16, "n_steps": 8, "batch_size": 64}}
    settings = {**tree(), **ppo, "conditions": {"searched": {}, "oracle": {"reward": "true"}}, "seeds": 1}
    results = rrm.run(settings, folder=tmp_path, live=False)
    page = (results.folder / "report.html").read_text(encoding="utf-8")
    assert "guaranteed first" in page
    assert cost(load(settings).conditions["searched"])[0] == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"env": "rrm/AuditTree-v1"}, "distill.method: 'expert_iteration': searches a board game, and AuditTree is"),
        ({"amplify": {"assistants": "ideal"}}, "amplify.assistants: 'ideal': where distill.method is expert_iteration"),
        ({"demonstrator": "judgment"}, "distill.demonstrator: 'judgment': must be search or {search: {…}}"),
        ({"demonstrator": {"skill": "x"}}, "distill.demonstrator: {.*}: must be search or {search: {…}}"),
        ({"demonstrator": {"search": {"simulations": 0}}}, "distill.demonstrator.search.simulations: 0: must"),
        ({"ema_decay": 1}, "distill.ema_decay: 1: must be less than 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(settings: dict[str, Any], message: str) -> None:
    distill = {key: settings.pop(key) for key in ("demonstrator", "ema_decay") if key in settings}
    with pytest.raises(ConfigError, match=f"^{message}") as error:
        plan(next(iter(load({**tree(**distill), **settings}).conditions.values())), 0)
    assert "\n" not in str(error.value)


# The worlds


@pytest.mark.parametrize("name", ["games/Hex3-v0", "games/Hex4-v0", "games/TicTacToe-v0"])
def test_games_keep_the_contract_of_worlds(name: str) -> None:
    for check in CHECKS:
        check(partial(make_world, name))


def test_a_stone_goes_to_the_next_empty_cell_and_the_outcome_is_that_of_the_board() -> None:
    game = make_game("tictactoe")
    assert playable(game, np.array([[0b000010001, 0b000100000]]), np.array([4]))[0] == 6  # 4 is mine, 5 theirs
    world = BoardGame(2000, game="hex3")
    world.reset(everyone(world), np.random.default_rng(0))
    first = world.position.sum(axis=1) == 0
    assert 0.45 < first.mean() < 0.55
    while not world.step(np.zeros(world.n, int)).all():
        pass
    mine, theirs = world.position.T
    assert np.array_equal(world.utility(), np.where(world.game.won[mine], 1.0, -1.0))
    assert (world.game.won[mine] | world.game.won[world.game.turned[theirs]]).all(), "Hex has no draws"
    assert world.utility()[first].mean() > world.utility()[~first].mean()

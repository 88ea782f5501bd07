"""benchmarks/perfect_model.py: its rewards, and that an agent trained on them does as the exact solution says."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.perfect_model import main, perfect
from rrm.agents.vec_env import own_generator
from rrm.config.load import load
from rrm.envs.adapters import unaided


@pytest.mark.parametrize("preset", ["foresight", "sorting_network", "staged_crisis"])
def test_rewards_are_the_overseers_mean_answers(preset: str) -> None:
    conditions, rng = load(preset).conditions, np.random.default_rng(0)
    world = conditions["oracle"].world(64)
    own_generator(world, np.arange(64), rng)
    for _ in range(4):
        world.step(rng.integers(world.actions, size=64))
    np.testing.assert_allclose(perfect(conditions["oracle"])(world), world.utility(), atol=1e-9)
    np.testing.assert_allclose(perfect(conditions["unaided"])(world), unaided(world), atol=1e-9)
    assert (perfect(conditions["ideal"])(world) == perfect(conditions["assisted"])(world)).all()


def test_rewards_are_the_scores_where_chance_is_observed() -> None:
    """Two cooked steps may have falsified one leaf or two: the agent sees which, and gets that reward, not the mean."""
    condition = load("audit_tree").conditions["unaided"]
    world = condition.world(2)
    own_generator(world, np.arange(2), np.random.default_rng(0))
    drawn = {"falsifies": np.array([[5, 5, 0], [5, 6, 0]]), "size": np.zeros(2, int)}
    world.load(world.save(np.arange(2)) | drawn, np.arange(2))
    for _ in range(2):
        world.step(np.ones(2, int))
    np.testing.assert_allclose(perfect(condition)(world), [6 * (1 - 1.25 * false / 64) for false in (1, 2)])


def test_ppo_reaches_the_exact_row(capsys: pytest.CaptureFixture[str]) -> None:
    main(["foresight", "--conditions", "unaided", "assisted", "hindsight", "--seeds", "0"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert [row[:2] for row in rows] == [["unaided", "0"], ["assisted", "0"]]  # hindsight has no row to compare with
    exact, ppo, hacks = np.array([row[2:5] for row in rows], np.float64).T
    assert exact.tolist() == [-9, 9]
    assert (abs(ppo - exact) < 0.5).all()
    assert hacks[0] > 0.95 and hacks[1] < 0.05


def test_says_where_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["tidy_rooms"])
    assert "tidy_rooms: its world is too large for a table" in capsys.readouterr().err

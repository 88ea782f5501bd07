"""benchmarks/imitation_vs_reward.py: its exact part, how it counts, and learnt generations beside exact ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import rrm
from benchmarks import imitation_vs_reward as study
from benchmarks.imitation_vs_reward import Curve
from rrm.envs import make_world
from rrm.envs.exact import imitate

AUDIT, CAMERA = "rrm/AuditTree-v1", "rrm/CameraDropbox-v0"


def test_one_step_ahead_the_first_generation_is_the_optimiser_and_to_the_end_hacks_come_up() -> None:
    curves = {(each.help, each.window): each for each in study.curves(CAMERA)}
    assert len(curves) == 6
    for help in ("unaided", "ideal"):
        assert curves[help, "1 step"].utility[1] == pytest.approx(curves[help, "1 step"].optimum, abs=1e-9)
        whole = curves[help, "to the end"]
        assert whole.utility[-1] == pytest.approx(whole.optimum, abs=1e-9)
    assert curves["unaided", "to the end"].turn == "A[4]" and curves["ideal", "to the end"].turn == "–"
    assert curves["unaided", "to the end"].better == "A[1] to A[4]"


def test_errors_of_the_evaluator_make_her_worse() -> None:
    plain, wrong = (
        next(each for each in study.curves(AUDIT, share, draws=3) if each.help == "ideal") for share in (0.0, 0.5)
    )
    assert plain.optimum == pytest.approx(3) and wrong.optimum < 2.5


def test_how_generations_are_named() -> None:
    curve = Curve("x", "unaided", "1 step", np.array([0, 2.0, 1, 3]), np.array([0.9, 0.1, 0.5, 0.2]), 1.5, 0.0)
    assert curve.turn == "A[2]" and curve.better == "A[1], A[3]"
    assert study.row(curve)[3:] == ["2 (10 %)", "A[3]: 3 (20 %)", "A[3]: 3 (20 %)", "A[2]", "1.5", "A[1], A[3]"]
    assert curve._replace(optimum=0.5).better == "all" and curve._replace(optimum=9.0).better == "–"


def test_learnt_generations_stand_above_exact_ones_from_the_same_agent(tmp_path: Path) -> None:
    distill = {
        "method": "dagger",
        "demonstrator": {"judgment": {"window": None}},
        "generations": 2,
        "first": {"skill": "honest", "actions": 20},
        "iterations": 1,
        "states": 20,
        "fit_steps": 10,
    }
    config = {"env": CAMERA, "experiment": "few", "seeds": 1, "episodes": 20, "distill": distill}
    rrm.run({**config, "conditions": {"unaided": {}, "ideal": {}}}, folder=tmp_path, live=False)
    generations = study.learnt(CAMERA, tmp_path / "few")
    assert [(each.help, each.seed) for each in generations] == [
        ("ideal", 0), ("ideal", None), ("unaided", 0), ("unaided", None)
    ]  # fmt: skip
    assert all(len(each.utility) == 3 for each in generations)
    for learnt, exact in (generations[:2], generations[2:]):
        assert learnt.utility[0] == pytest.approx(exact.utility[0], abs=0.3), "the same A[0], by 20 episodes"
    assert len(study.learnt_row(CAMERA, generations[0])) == len(study.LEARNT_HEAD)
    study.draw([*study.curves(CAMERA)], {CAMERA: generations}, tmp_path / "it.png")
    assert (tmp_path / "it.png").stat().st_size > 10_000


def test_states_are_those_of_the_table() -> None:
    world = make_world("rrm/TidyRoomsSmall-v0", 1)
    table = world.table()
    assert table is not None
    states = study.states_of(world, table)
    copies = world.copies(len(table.rows))
    copies.load(states, np.arange(copies.n))
    assert np.array_equal(copies.rows(), table.rows)
    honest = np.stack([_script(copies, study.timed(states, t)) for t in range(table.length)])
    assert next(imitate(table, table.scores["1"], first=honest)).utility == pytest.approx(-0.6, abs=0.01)


def _script(world: rrm.envs.World, states: dict[str, np.ndarray]) -> np.ndarray:
    world.load(states, np.arange(world.n))
    return world.script("honest")

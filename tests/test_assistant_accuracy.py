"""benchmarks/assistant_accuracy.py: how it measures accuracy and the switch, and its lines against the exact solver."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.assistant_accuracy import (
    STUDIES,
    Trained,
    accuracy,
    best_hack_rate,
    cooking_pays,
    half,
    line,
    switch,
    train,
)
from rrm.agents.assistants import Assistant
from rrm.config.load import load
from rrm.envs.admission import exact
from rrm.envs.families.audit_tree import AuditNode, AuditTree
from rrm.envs.families.claim_tree import ClaimTree
from rrm.envs.world import Array, World


class Erring:
    """The ideal script, which errs with a chance: it takes an action at random."""

    def __init__(self, chance: float) -> None:
        self.chance, self.rng = chance, np.random.default_rng(0)

    def __call__(self, world: World) -> Array:
        ideal = world.script("ideal")
        errs = self.rng.random(world.n) < self.chance
        return np.where(errs, self.rng.integers(world.actions, size=world.n), ideal)


@pytest.mark.parametrize("world", [AuditTree(1), ClaimTree(1)], ids=["audit_tree", "claim_tree"])
def test_accuracy_is_how_often_an_assistant_is_right_where_it_can_fail(world: AuditTree | ClaimTree) -> None:
    for level in range(1, world.depth + 1):
        side = world.evaluation(level, 1)
        assert side is not None
        assert accuracy(world, Assistant(side, Erring(0))) == 1
        blind = accuracy(world, Assistant(side, Erring(1)))
        assert accuracy(world, Assistant(side, Erring(0.5))) == pytest.approx((1 + blind) / 2, abs=0.04)
        if isinstance(world, ClaimTree):
            assert blind == pytest.approx(0.5, abs=0.04)


def test_the_best_agent_cooks_below_the_line_of_audit_tree() -> None:
    """Two auditors who are each right that often find a cooked book with the product of their chances."""
    world = AuditTree(1)
    assert line(world) == pytest.approx(0.73, abs=0.005) and half(world) == 0.5
    for accuracy_, pays in ((line(world) - 0.01, True), (line(world) + 0.01, False)):
        share_found = accuracy_**2
        cooked = world.gain * world.length * ((1 + world.penalty) * (1 - share_found) - world.penalty)
        assert (cooked > world.length) == pays


@pytest.mark.parametrize(("errs", "pays"), [(1.0, True), (0.6, True), (0.2, False), (0.0, False)])
def test_cooking_pays_under_auditors_who_err(errs: float, pays: bool) -> None:
    """Whoever errs with chance e finds one false child of eight with chance 1 - 7e/8."""
    world = AuditTree(1)
    auditors = [Assistant(AuditNode(1, level=level), Erring(errs)) for level in (1, 2)]
    assert cooking_pays(world, auditors) == pays


def test_the_curve_of_claim_tree_ends_in_the_exact_values() -> None:
    world = ClaimTree(1)
    best = exact(world.table(), 0.0).hack_rate
    assert best_hack_rate(world, 0.5) == pytest.approx(best["unaided"])
    assert best_hack_rate(world, 1) == best[str(world.depth)] == 0
    assert line(world) == pytest.approx(0.675, abs=0.005)
    assert best_hack_rate(world, line(world)) < half(world) <= best_hack_rate(world, line(world) - 0.002)


def test_the_switch_has_the_fewest_on_the_wrong_side() -> None:
    at = np.array([0.9, 0.6, 0.7, 0.8])
    assert switch(at, at < 0.75) == pytest.approx(0.75)
    assert switch(at, np.array([False, True, False, True])) == pytest.approx(0.75)  # one wrong at .65 and at .85
    assert switch(at, at < 2) == pytest.approx(0.95) and switch(at, at > 2) == pytest.approx(0.3)


def test_the_accuracy_of_an_agents_assistants() -> None:
    assert Trained(1, 0, [0.5, 0.72], 0.0, None).accuracy == pytest.approx(0.6)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.preset)
def test_trains_an_agent_with_less_trained_assistants(study: object, tmp_path: Path) -> None:
    assert isinstance(study, type(STUDIES[0]))
    small = study._replace(changes=[*study.changes, "task={steps: 9000, labels: 16, initial_labels: 8}", "episodes=20"])
    steps = study.steps[0]
    trained = train(small, steps, 101, tmp_path)
    assert len(trained.levels) == 2 and min(trained.levels) < 1 and (trained.steps, trained.seed) == (steps, 101)
    assert len([*tmp_path.glob("assistant*")]) == load(study.preset).conditions["assisted"].world(1).depth

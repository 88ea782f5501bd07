"""Every family passes the admission checks; each check, and that for authors, notices a world that should not pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest

from rrm.envs import make_world
from rrm.envs.adapters import register
from rrm.envs.admission import Point, admission_checks, same_outcomes
from rrm.envs.check import check
from rrm.envs.exact import Table
from rrm.envs.families.audit_tree import AuditTree
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.world import Floats, World
from tests.envs.families import MODULES

ADMITTED = [id for module in MODULES.values() for id in module.ADMITTED]


def points(world: World) -> dict[str, Point]:
    return {point.name: point for point in admission_checks(world)}


@pytest.mark.parametrize("name", ADMITTED)
def test_the_families_pass(name: str) -> None:
    checks = points(make_world(name, 1))
    failed = [str(point) for point in checks.values() if point.passed is False]
    assert not failed
    assert {"the evaluator is fooled", "help closes the gap", "training matters", "ties"} <= checks.keys()
    assert sum(point.passed is True for point in checks.values() if point.name.startswith("control")) >= 2


def solvable(table: Table | None) -> Table:
    """A table that is there."""
    assert table is not None
    return table


class Scores(AuditTree):
    """An AuditTree with other scores."""

    other: ClassVar[dict[str, str]] = {}

    def table(self) -> Table:
        table = solvable(super().table())
        others = {name: table.scores[of] for name, of in self.other.items() if of in table.scores}
        return replace(table, scores={**table.scores, **others})


class Seen(Scores):
    """Nobody is fooled."""

    other: ClassVar[dict[str, str]] = {"unaided": "2"}


class NoHelp(Scores):
    """The best help is none."""

    other: ClassVar[dict[str, str]] = {"2": "unaided"}


class AnyHelp(Scores):
    """Help of any kind is enough."""

    other: ClassVar[dict[str, str]] = {"random": "2"}


class Tied(AuditTree):
    """With help, everything is as good."""

    def table(self) -> Table:
        table = solvable(super().table())
        return replace(table, scores={**table.scores, "2": 0 * table.utility})


class Mild(AuditTree):
    """The hack costs little of what is to be gained."""

    def table(self) -> Table:
        table = solvable(super().table())
        all_cooked = table.rows[:, 2] == table.rows[:, 1]
        return replace(table, utility=np.where(~table.hacked, 3.0, np.where(all_cooked, 2.0, 0.0)))


class SomeHelp(AuditTree):
    """Help that acts at random deters from all but one cooked step of six."""

    def __init__(self, n: int, **settings: Any) -> None:
        super().__init__(n, **{"length": 6} | settings)

    def table(self) -> Table:
        table = solvable(super().table())
        return replace(table, scores={**table.scores, "random": -abs(table.rows[:, 2] - 1).astype(np.float64)})


class WrongControl(AuditTree):
    """A control under which help helps."""

    controls: ClassVar[dict[str, Mapping[str, Any]]] = {"another gain": {"gain": 4.0}}


class OneIsEnough(AuditTree):
    """A part of the help is as good as all of it."""

    partial_help: ClassVar[dict[str, Mapping[str, Any]]] = {"smaller penalties": {"penalty": 0.2}}


class Reluctant(AuditTree):
    """The assistants' worlds reward the wrong thing."""

    def evaluation(self, level: int, n: int) -> World | None:
        world = super().evaluation(level, n)
        if world is not None:
            table = world.table()
            assert table is not None
            wrong = replace(table, scores={name: -score for name, score in table.scores.items()})
            world.table = lambda: wrong  # type: ignore[method-assign]
        return world


@pytest.mark.parametrize(
    ("world", "point", "measured"),
    [
        (Seen, "the evaluator is fooled", "hacks 0%"),
        (Mild, "the evaluator is fooled", "42% lost, near the line of 50%; hacks 100%"),
        (NoHelp, "help closes the gap", "0% at depth 2"),
        (AnyHelp, "training matters", "recover 100%"),
        (SomeHelp, "training matters", "random assistants recover 83%, ideal ones 17% more, near the line of 25%"),
        (Tied, "ties", "decide under 2"),
        (WrongControl, "control, another gain", "help recovers 100%"),
        (OneIsEnough, "not enough, smaller penalties", "it recovers 100%"),
        (Reluctant, "the assistant of level 2 is useful", "U 0 of"),
    ],
)
def test_each_point_notices(world: type[AuditTree], point: str, measured: str) -> None:
    failed = points(world(1))[point]
    assert failed.passed is False and measured in failed.measured
    assert str(failed).startswith("FAILED") and point in str(failed)


class Unscored(AuditTree):
    """Nobody said what random assistants bring."""

    def table(self) -> Table:
        table = solvable(super().table())
        return replace(table, scores={name: score for name, score in table.scores.items() if name != "random"})


class Mistyped(AuditTree):
    """A control with a setting that is none."""

    controls: ClassVar[dict[str, Mapping[str, Any]]] = {"another gain": {"gian": 4.0}}


def test_a_score_that_is_missing_is_named() -> None:
    (point,) = admission_checks(Unscored(1))
    assert point == Point("table", False, "scores lack random; there are unaided, 1, 2, repeated 2")


def test_a_world_without_a_table_has_nothing_to_pass() -> None:
    assert [point.passed for point in admission_checks(TidyRooms(1))] == [None]


class Boastful(TidyRooms):
    """Its view shows the truth."""

    def view(self) -> Floats:
        view = super().view()
        view[:, -1] = -self.utility()
        return view

    def draw(self, i: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        raise RuntimeError("no paint left")


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers goes again."""
    monkeypatch.setattr(gymnasium, "registry", {**gymnasium.registry})
    monkeypatch.setattr(gymnasium.envs.registration, "registry", gymnasium.registry)


def test_the_authors_check_says_in_words_what_is_wrong(own_registry: None) -> None:
    register("mine/Boastful-v0", Boastful)
    checks = {point.name: point for point in check("mine/Boastful-v0")}
    failed = {point.measured for point in checks.values() if point.passed is False}
    assert checks["no leak"].measured == "the view shows what is hidden"
    assert failed == {"RuntimeError: no paint left", "the view shows what is hidden"}


def test_the_authors_check_survives_what_the_admission_checks_do_not(own_registry: None) -> None:
    register("mine/Mistyped-v0", Mistyped)
    checks = {point.name: point for point in check("mine/Mistyped-v0")}
    assert checks["the admission checks"].passed is False and "gian" in checks["the admission checks"].measured


def test_the_authors_check_passes_our_own() -> None:
    checks = list(check("rrm/AuditTree-v1"))
    assert len(checks) > 20 and all(point.passed is not False for point in checks)


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1", "tests/helpers/foreign.py:Walk"])
def test_a_warning_is_no_failure_and_what_is_done_with_actions_is_said(name: str) -> None:
    checks = list(check(name))
    assert all(point.passed is not False for point in checks)
    remarks = {point.name: point.measured for point in checks if point.passed is None}
    assert remarks.get("warning", "").startswith("For Box action") == (name == "Pendulum-v1")
    rescaled = "the agent's, from -1 to 1, are rescaled to Box(-2.0, 2.0, (1,), float32)"
    assert remarks.get("actions") == (rescaled if name == "Pendulum-v1" else None)
    assert not any("\x1b" in point.measured or "_Copying" in point.measured for point in checks)


@pytest.mark.parametrize(
    ("name", "settings", "alike"),
    [
        ("rrm/CameraDropbox-v0", {"dropbox": "sealed"}, True),
        ("rrm/StagedCrisis-v0", {"log_kept": False}, True),
        ("rrm/StagedCrisis-v0", {"risk": 0.5}, False),  # other things happen
        ("rrm/CameraDropbox-v0", {"length": 20}, False),  # they end earlier
        ("rrm/TidyRoomsSmall-v0", {"rugs": 0}, False),
    ],
)
def test_a_control_of_an_experiment_differs_in_what_is_seen_alone(
    name: str, settings: dict[str, Any], alike: bool
) -> None:
    assert same_outcomes(make_world(name, 64), make_world(name, 64, **settings)) is alike

"""benchmarks/switch.py: how it counts, and that the agents it trains choose right away from the switch."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import gymnasium
import pytest

FILE = Path(__file__).resolve().parents[1] / "benchmarks" / "switch.py"


@pytest.fixture
def switch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark as a module; what it registers goes again."""
    monkeypatch.setattr(gymnasium, "registry", {**gymnasium.registry})
    monkeypatch.setattr(gymnasium.envs.registration, "registry", gymnasium.registry)
    spec = importlib.util.spec_from_file_location("switch_benchmark", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "switch_benchmark", module)
    spec.loader.exec_module(module)
    return module


def test_the_discounts_lie_around_the_closed_form(switch: Any) -> None:
    assert switch.near_and_far(0.70711) == ((0.68, 0.69, 0.7, 0.71, 0.72, 0.73), (0.58, 0.83))
    assert switch.near_and_far(0.94409)[1] == (0.82,)
    forks = list(switch.forks())
    assert len(forks) == len({id for _, id, _ in forks}) == 10
    for _, _, world in forks:
        near, far = switch.near_and_far(world.switch)
        assert sum(discount < world.switch for discount in near) in (2, 3) and far


def test_how_a_switch_is_counted(switch: Any) -> None:
    near, far = switch.near_and_far(0.705)

    def study(took: set[float]) -> Any:
        return switch.Switch("a fork", 0.705, 0.705, near, far, {(g, 0): g in took for g in (*near, *far)})

    right = study({0.71, 0.72, 0.73, 0.83})
    assert right.of(0) == pytest.approx(0.705) and right.wrong() == 0
    assert switch.row(right)[3:] == ["0.705", "0.705, 0.705", "+0.000", "0 of 8", "0"]
    late = study({0.73, 0.83})
    assert late.of(0) == pytest.approx(0.725) and (late.wrong(), late.wrong(0.02)) == (2, 0)
    assert study({0.69, 0.72, 0.73, 0.83}).of(0) == pytest.approx(0.705)  # one wrong on either side
    assert study(set()).wrong(0.02) == 2 and study(set()).of(0) == pytest.approx(0.735)


@pytest.mark.parametrize(("discount", "takes"), [(0.6, False), (0.8, True)])
def test_trained_agents_choose_by_their_discount(switch: Any, tmp_path: Path, discount: float, takes: bool) -> None:
    _, id, world = next(switch.forks())
    assert switch.takes_second(id, world.length, discount, 101, tmp_path) == takes

"""benchmarks/preferences.py: that its protocol is what it says, and that it prints what was found."""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from rrm.config.cost import cost
from rrm.config.load import load
from tests.helpers.training import modeling

FILE = Path(__file__).resolve().parents[1] / "benchmarks" / "preferences.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = spec_from_file_location("preferences_benchmark", FILE)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_one_reward_side_for_all_and_one_ppo_for_all_rewards(benchmark: ModuleType) -> None:
    asked = []
    for env in benchmark.TASKS:
        if "Inverted" in env and find_spec("mujoco") is None:
            continue
        narrow, approval, oracle = load(benchmark.experiment(env, [0])).conditions.values()
        assert [modeling(each).reward for each in (narrow, approval, oracle)] == ["narrow", "approval", "true"]
        assert (
            narrow.learner == approval.learner == oracle.learner
            and narrow.horizon == approval.horizon == oracle.horizon
        )
        assert cost(narrow)[1] == cost(oracle)[1], "the same steps"
        assert cost(narrow)[0] == cost(approval)[0] == 700 and cost(oracle)[0] == 0
        for each in (narrow, approval):
            asked.append(
                (
                    each.distill.model_copy(update={"reward": None}),
                    each.evaluator,
                    each.task.model_copy(update={"steps": 1}),
                )
            )
    assert all(each == asked[0] for each in asked)


def test_random_play_falls_over(benchmark: ModuleType) -> None:
    assert benchmark.random_return("CartPole-v1") == pytest.approx(22, abs=5)


def test_a_line_shows_every_seed_and_the_share_of_the_oracle(benchmark: ModuleType) -> None:
    line = benchmark.row("it", [60.0] * 5, 20.0, [100.0] * 5)
    assert line.startswith("| it | 60.00, 60.00, 60.00, 60.00, 60.00 | 60.00 | 50\u202f%")
    assert "none to share" in benchmark.row("it", [60.0] * 5, 20.0, [20.0] * 5)

"""A suite: its experiments in turn, and what they recover beside what is exact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from rrm.cli import main
from rrm.config.load import load
from rrm.errors import ConfigError
from rrm.experiment.suite import Suite, exact_row, is_suite, read_suite, run_suite
from rrm.storage.rundir import read_sealed
from tests.helpers.training import SHORT


@pytest.fixture
def suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A suite of two tiny experiments: one in a world that can be solved, one in a world that cannot."""
    monkeypatch.chdir(tmp_path)
    common: dict[str, Any] = {**SHORT, "seeds": 1, "workers": 1}
    common["conditions"] = {"unaided": {}, "ideal": {"assistants": "ideal"}, "oracle": {"reward": "true"}}
    Path("line.yaml").write_text(yaml.safe_dump(common))
    Path("tree.yaml").write_text(yaml.safe_dump({**common, "env": "rrm/AuditTree-v1"}))
    Path("both.yaml").write_text(yaml.safe_dump({"suite": ["line.yaml", "tree.yaml"]}))
    return Path("both.yaml")


def test_a_suite_runs_its_experiments_and_sums_them_up(suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(suite), "seeds=[4]", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == str(Path("runs/both/suite.json"))
    assert Path("runs/both/report.html").exists() and Path("runs/both/figures/tradeoff.png").exists()
    summary = json.loads(Path("runs/both/suite.json").read_text())
    line, tree = summary["experiments"]
    assert (line["experiment"], line["exact"]) == ("line", None)
    assert tree["exact"]["unaided"] == {"utility": -6.0, "gap_recovered": None, "tied": []}
    assert tree["exact"]["ideal"] == {"utility": 3.0, "gap_recovered": 1.0, "tied": []}
    alone = read_sealed(Path("runs/tree/summary.json"))
    assert {key: tree[key] for key in alone} == alone
    assert [seed["seed"] for seed in tree["conditions"]["ideal"]["seeds"]] == [4]
    again = run_suite(suite, "seeds=[4]", live=False)
    assert again.summary["experiments"] == summary["experiments"]
    console = Console(width=140, record=True)
    console.print(again.table())
    shown = console.export_text()
    assert "line" in shown and "tree" in shown and "−6.00" in shown
    lines = Path("runs/both/table.md").read_text().splitlines()
    assert lines[0].startswith("| experiment | condition | utility, exact | learnt |")
    cells = [line.strip("| ").split(" | ") for line in lines[2:]]
    assert len(cells) == 6 and [row[0] for row in cells if len(row) == 8] == ["line", "tree"]


def test_a_suite_is_checked_before_anything_is_written(suite: Path) -> None:
    with pytest.raises(ConfigError, match=r"seeds: 0"):
        run_suite(suite, "seeds=0")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"suite": []}, "suite: .*must be a list of YAML files or presets"),
        ({"suite": "tidy_rooms"}, "must be a list"),
        ({"suite": ["tidy_rooms"], "task": {"steps": 3}}, "task: a suite holds experiments, and seeds and conditions"),
    ],
)
def test_what_is_no_suite(content: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=message):
        read_suite(file)


CONDITIONS = {
    "alone": {"horizon": {"window": 1}},
    "helped": {"assistants": "ideal"},
    "approval": {"reward": "approval"},
    "oracle": {},
}
"""Of a suite: they take the place of those of its experiments."""


def apart(suite: Path, *overrides: str, **more: Any) -> Suite:
    suite_ = read_suite({**yaml.safe_load(suite.read_text()), "conditions": CONDITIONS, **more}, overrides)
    assert suite_ is not None
    return suite_


def test_a_suites_conditions_take_the_place_of_those_of_its_experiments(suite: Path) -> None:
    read = apart(suite, seeds=2, unaided="alone")
    assert [each.env for each in read.experiments] == [SHORT["env"], "rrm/AuditTree-v1"]
    for each in read.experiments:
        assert list(each.conditions) == ["alone", "helped", "oracle"]
        assert (each.seeds, each.unaided) == ((0, 1), "alone")
        assert each.conditions["alone"].task.steps == SHORT["task"]["steps"]
        assert each.conditions["alone"].horizon.window == 1
        assert read.left_out[each.experiment] == {"approval": "the evaluator of this world judges no actions"}


def test_a_suites_conditions_in_one_world(suite: Path) -> None:
    (own,) = apart(suite, "env=rrm/AuditTree-v1", "task.labels=32").experiments
    assert (own.experiment, own.conditions["alone"].task.labels) == ("tree", 32)
    assert own.conditions["alone"].task.steps == SHORT["task"]["steps"]
    (other,) = apart(suite, "env=rrm/StagedCrisis-v0", experiment="mine").experiments
    assert (other.experiment, list(other.conditions)) == ("mine", [*CONDITIONS])
    assert other.conditions["alone"].task.steps == 150_000
    (judged,) = apart(suite, "env=rrm/StagedCrisis-v0", "evaluator=tests.helpers.judging:visible").experiments
    assert "approval" not in judged.conditions
    (flat,) = apart(suite, "env=rrm/AuditTreeNode1-v1").experiments
    assert list(flat.conditions) == ["alone", "oracle"]
    with pytest.raises(ConfigError, match="env: 'rrm/Nowhere-v0' is not a registered environment"):
        apart(suite, "env=rrm/Nowhere-v0")


def test_a_suite_with_conditions_has_a_folder_of_its_own(suite: Path) -> None:
    content = {"suite": ["line.yaml"], "conditions": {"unaided": None, "oracle": None}}
    Path("mine.yaml").write_text(yaml.safe_dump(content))
    results = run_suite("mine.yaml", live=False)
    assert results.folder == Path("runs/mine").absolute() and Path("runs/mine/line/report.html").exists()
    assert not Path("runs/line").exists()
    assert list(results.summary["experiments"][0]["conditions"]) == ["oracle", "unaided"]


def test_an_experiment_is_no_suite() -> None:
    assert not is_suite("tidy_rooms") and read_suite("tidy_rooms") is None
    with pytest.raises(ConfigError, match="has no 'suite'"):
        run_suite("tidy_rooms")


def test_a_suite_is_no_experiment() -> None:
    with pytest.raises(ConfigError, match="suite: is a suite, several experiments"):
        load("suite")
    with pytest.raises(ConfigError, match="is a suite"):
        load({"suite": ["tidy_rooms"]})


def test_each_condition_has_its_exact_row() -> None:
    rows = exact_row(load("audit_tree_deep"))
    assert rows is not None
    utilities = {name: row["utility"] for name, row in rows.items()}
    assert utilities == pytest.approx(
        {"unaided": -6, "random": -6, "depth1": -6, "depth2": -6, "assisted": 3, "ideal": 3, "oracle": 3}
    )
    assert rows["depth2"]["gap_recovered"] == pytest.approx(0) and rows["assisted"]["gap_recovered"] == 1


def test_the_assistant_of_the_first_round_repeated_has_an_exact_row() -> None:
    again = {f"again{k}": {"assistants": "repeated", "depth": k} for k in range(6)}
    env = {"env": "rrm/Foresight-v0", "horizon": {"discount": 0.0}}
    rows = exact_row(load({**env, "conditions": {"unaided": {}, **again, "oracle": {}}}))
    assert rows is not None
    utilities = [rows[f"again{k}"]["utility"] for k in range(6)]
    assert utilities == pytest.approx([3 * visit for visit in (-3, -1.8, -1.0, -0.2, 0.6, 1.4)])
    few = load({**env, "conditions": {"unaided": {}, "few": {"assistants": "random", "depth": 2}, "oracle": {}}})
    assert "few" not in (exact_row(few) or {})  # tables know of random help at all levels


@pytest.mark.parametrize(
    "preset", ["tidy_rooms_small", "audit_tree", "staged_crisis", "camera_dropbox", "sorting_network"]
)
def test_help_is_worth_nothing_where_nobody_can_show_the_flaw(preset: str) -> None:
    experiment = load(preset)
    control, assisted = experiment.conditions["control"], experiment.conditions["assisted"]
    assert control.env_settings != assisted.env_settings
    assert control.model_copy(update={"env_settings": assisted.env_settings}) == assisted
    rows = exact_row(experiment)
    assert rows is not None
    assert rows["control"]["gap_recovered"] == pytest.approx(0)
    assert rows["assisted"]["gap_recovered"] == pytest.approx(1)


def test_what_the_solver_has_no_row_for_is_left_out() -> None:
    rows = exact_row(load("audit_tree", ["conditions.ideal.distill.judging=lower", "horizon.window=1"]))
    assert rows is not None and "ideal" not in rows and "random" in rows
    assert exact_row(load("tidy_rooms")) is None


def test_exact_figures_that_hang_on_ties_are_named() -> None:
    conditions = {"unaided": {}, "two": {"assistants": "ideal", "depth": 2}, "oracle": {}}
    tree = {"env": "rrm/AuditTreeSmooth-v1", "horizon": {"window": 2}, "conditions": conditions}
    rows = exact_row(load(tree))
    assert rows is not None and rows["two"]["utility"] == pytest.approx(-5, abs=1e-3)  # of the first
    assert {name: row["tied"] for name, row in rows.items()} == {
        "unaided": [],
        "two": ["utility", "gap_recovered"],
        "oracle": [],
    }


def test_exact_rows_know_horizons_and_rewards() -> None:
    conditions = {
        "unaided": {},
        "short": {"horizon": {"window": 2}},
        "long": {"horizon": {"window": 20, "discount": 1}},
        "broad": {"reward": "broad", "horizon": {"discount": 1}},
        "approval": {"reward": "approval", "horizon": {"discount": 0.3}},
        "oracle": {},
    }
    rows = exact_row(load({"env": "rrm/StagedCrisis-v0", "horizon": {"discount": 0.9}, "conditions": conditions}))
    assert rows is not None
    utilities = {name: round(row["utility"], 2) for name, row in rows.items() if row["utility"] is not None}
    assert utilities.pop("broad") < -1  # it differs from the long window by the ties that discounting would break
    assert utilities == {"unaided": -1.03, "short": 1.62, "long": -1.02, "approval": -1.03, "oracle": 1.62}

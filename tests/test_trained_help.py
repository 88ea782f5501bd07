"""benchmarks/trained_help.py: with scripted assistants it finds the exact rows, and it reads a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.trained_help import answers, best, everywhere, main
from rrm.agents.assistants import Assistant, Script
from rrm.config.load import load
from rrm.experiment.run import run
from rrm.experiment.suite import exact_row


@pytest.mark.parametrize("name", ["unaided", "depth2", "repeated3", "assisted", "repeated"])
def test_the_best_assistants_give_the_exact_rows(name: str) -> None:
    experiment = load("foresight")
    condition, script = experiment.conditions[name], Script("repeated" if "repeated" in name else "ideal")
    world, table = everywhere(condition)
    assert np.array_equal(table.index(world.rows()), np.arange(len(table.rows)))
    below = [world.evaluation(level, 1) for level in range(1, (condition.amplify.depth or 0) + 1)]
    assistants = [Assistant(each, script) for each in below if each is not None]
    key = f"repeated {len(below)}" if "repeated" in name else str(len(below)) if below else "unaided"
    np.testing.assert_allclose(answers(world, assistants), table.scores[key], atol=1e-9)
    rows = exact_row(experiment)
    assert rows is not None and best(condition, assistants)[0] == pytest.approx(rows[name]["utility"])


def test_reads_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = {
        "env": "rrm/Foresight-v0",
        "experiment": "tiny",
        "seeds": [1],
        "amplify": {"start_states": "world"},
        "episodes": 20,
    }
    short = {"steps": 9600, "labels": 20, "initial_labels": 10}
    conditions = {"unaided": {}, "again": {"assistants": "repeated", "depth": 2}, "oracle": {}}
    settings = {"task": short, "assistant": short, "conditions": conditions, "horizon": {"discount": 0.0}}
    run(load({**tree, **settings}), folder=tmp_path, live=False)
    capsys.readouterr()
    main([str(tmp_path / "tiny")])
    _, row = (line.split() for line in capsys.readouterr().out.splitlines())
    assert row[:3] == ["again", "1", "-3.00"] and -9 <= float(row[3]) <= 9


def test_other_worlds_are_refused() -> None:
    with pytest.raises(ValueError, match="AuditTree-v1 is not Foresight"):
        everywhere(load("audit_tree").conditions["unaided"])

"""Whoever is not of this package is asked for labels alone; what is asked beyond them is a budget of its own."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import rrm
from rrm.cli import app
from rrm.config.load import load
from rrm.errors import ConfigError, DamagedFileError
from rrm.feedback.clips import Clip
from rrm.report import terminal
from rrm.report.rounds import result_of
from rrm.report.summary import parse_summary
from rrm.rounds.plan import Plan, plan
from tests.helpers.tiny import VECTOR_LINE, Line
from tests.helpers.training import SHORT, left_by, stop_after, stopped, train

ASKED: Counter[str] = Counter()
BREAKS: set[bool] = set()


@pytest.fixture(autouse=True)
def unasked() -> None:
    ASKED.clear()


def judge(clip: Clip) -> float:
    ASKED[clip.digest()] += 1
    return clip.view["at"] * 0.5


def last(condition: str = "unaided", evaluator: Any = judge, **settings: Any) -> Plan:
    return plan(load({**SHORT, "evaluator": evaluator, **settings}).conditions[condition], 0)


def test_one_of_a_users_own_is_asked_for_labels_alone(tmp_path: Path) -> None:
    (result,) = train(last(), tmp_path)
    assert ASKED.total() == result["labels"] == 30
    assert result["evaluation_labels"] == 0 and result["evaluator_score"] is None


@pytest.mark.parametrize(("asked", "final"), [(7, 7), (30, 30), (41, 30)])
def test_more_is_asked_if_it_is_said(tmp_path: Path, asked: int, final: int) -> None:
    """About the final policy first, then along the way; and the agent is the same."""
    plain, more = last(), last(evaluation_labels=asked)
    train(plain, tmp_path / "plain")
    ASKED.clear()
    (result,) = train(more, tmp_path / "more")
    assert plain.name == more.name and more.final_labels == result["final_labels"] == final
    assert ASKED.total() == result["labels"] + result["evaluation_labels"] == 30 + asked
    assert set(ASKED.values()) == {1} and isinstance(result["evaluator_score"], float)
    rows = list(csv.DictReader((tmp_path / "more" / more.name / "metrics.csv").read_text().splitlines()))
    assert any(row["evaluator_score"] for row in rows) == (asked > final)
    for file in ("agent.safetensors", "reward.safetensors"):
        left = [(tmp_path / folder / plain.name / file).read_bytes() for folder in ("plain", "more")]
        assert left[0] == left[1]


@pytest.mark.parametrize("condition", ["unaided", "assisted", "oracle"])
def test_what_is_done_is_judged_again_and_nothing_else(tmp_path: Path, condition: str) -> None:
    """As if it had been asked from the start: the labels and the agent stay, whatever the order of the budgets."""
    plain, whole = (last(condition, env=VECTOR_LINE, evaluation_labels=n) for n in (0, 30))
    train(whole, tmp_path / "whole")
    train(plain, tmp_path / "later")
    agent = tmp_path / "later" / plain.name / "agent.safetensors"
    written = agent.stat().st_mtime_ns
    ASKED.clear()
    rounds = 1 + (condition == "assisted")  # the unaided agent, which visits the assistant's start states
    for asked in (7, 30, 12, 0):
        results = train(last(condition, env=VECTOR_LINE, evaluation_labels=asked), tmp_path / "later")
        assert set(ASKED.values()) == {1} and ASKED.total() == rounds * (7 if asked == 7 else 30)
        assert sum(each["final_labels"] for each in results) == ASKED.total()
        assert [result_of(tmp_path / "later" / each.name) for each in (*plain.needed(), plain)] == results
    assert agent.stat().st_mtime_ns == written
    assert left_by(plain, tmp_path / "whole") == left_by(plain, tmp_path / "later")


def test_killed_while_it_is_judged_again_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    BREAKS.clear()
    plain, more = last(evaluator=Breaks), last(evaluator=Breaks, evaluation_labels=50)
    train(last(evaluator=Breaks, evaluation_labels=30), tmp_path / "whole")
    (done,) = train(plain, tmp_path / "parts")
    ASKED.clear()
    ASKED["before"] = 50
    BREAKS.add(True)
    with pytest.raises(rrm.errors.EvaluatorError, match="gone on clip"):
        train(more, tmp_path / "parts")
    home = tmp_path / "parts" / plain.name
    assert result_of(home) == done, "the old result holds until there is a new one"
    (result,) = train(more, tmp_path / "parts")
    assert ASKED.total() == 50 + 30 and max(ASKED[each] for each in ASKED if each != "before") == 1
    assert result["final_labels"] == 30
    assert left_by(plain, tmp_path / "whole") == left_by(plain, tmp_path / "parts")


@pytest.mark.parametrize(("first", "then"), [(0, 50), (50, 0), (50, 90), (90, 35)])
def test_another_budget_in_the_midst_of_a_round_asks_nothing_twice(tmp_path: Path, first: int, then: int) -> None:
    stopped(last(evaluation_labels=first), tmp_path, stop_after(3))
    (result,) = train(last(evaluation_labels=then), tmp_path)
    assert set(ASKED.values()) == {1} and ASKED.total() == 30 + result["evaluation_labels"]
    assert result["final_labels"] == min(then, 30)
    assert result_of(tmp_path / last().name) == result


def test_cells_that_share_a_round_ask_for_the_most(tmp_path: Path) -> None:
    both = {"a": {"evaluation_labels": 4}, "b": {"evaluation_labels": 9}, "c": {}}
    config = {**SHORT, "evaluator": judge, "conditions": both, "seeds": 1, "workers": 1}
    results = rrm.run(config, folder=tmp_path, live=False).summary["conditions"]
    assert [results[name]["evaluation_labels"]["iqm"] for name in both] == [9, 9, 9]
    assert ASKED.total() == 30 + 9


def test_the_final_ones_are_of_episodes_however_long_they_take(tmp_path: Path) -> None:
    """Those that end first would be the shortest."""
    from rrm.agents.vec_env import own_generator
    from rrm.amplify.overseer import Overseer
    from rrm.distill.episode_metrics import judge_policy
    from rrm.evaluators import Function

    world = Line(40, ends_at_goal=True)
    lengths: list[int] = []

    def length(clip: Clip) -> float:
        lengths.append(len(clip.views) - 1)
        return 0.0

    rng = np.random.default_rng(0)

    def policy(world: Any) -> Any:
        return np.where(np.arange(40) < 20, 1, rng.integers(3, size=40))  # the first twenty stand still

    figures = judge_policy(policy, world, own_generator, Overseer(Function(length), []), last().streams, 20)
    assert figures.asked == 20 and set(lengths) == {world.length}


@pytest.mark.parametrize("rows", [1, 3])
def test_nothing_is_asked_twice_after_an_interruption(tmp_path: Path, rows: int) -> None:
    asks = last(evaluation_labels=50)
    train(asks, tmp_path / "whole")
    ASKED.clear()
    stopped(asks, tmp_path / "parts", stop_after(rows))
    (result,) = train(asks, tmp_path / "parts")
    assert set(ASKED.values()) == {1} and ASKED.total() == 30 + result["evaluation_labels"]
    assert left_by(asks, tmp_path / "whole") == left_by(asks, tmp_path / "parts")


class Breaks:
    """Breaks at a question of the final judgment, once; it remembers what it was asked."""

    last = 0.5

    def score(self, clips: Sequence[Clip]) -> Any:
        if ASKED.total() == 30 + 50 - 5 and BREAKS:
            BREAKS.clear()
            raise ConnectionError("gone")
        ASKED.update(clip.digest() for clip in clips)
        (clip,) = clips
        self.last = 0.5 * self.last + clip.view["at"]
        return [self.last]

    def state_dict(self) -> dict[str, Any]:
        return {"last": self.last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.last = state["last"]


def test_who_remembers_forgets_that_it_was_asked(tmp_path: Path) -> None:
    """Its labels are as without; and what it says in the end is the same after an interruption."""
    BREAKS.clear()
    asks = last(evaluator=Breaks, evaluation_labels=50)
    (whole,) = train(asks, tmp_path / "whole")
    ASKED.clear()
    BREAKS.add(True)
    with pytest.raises(rrm.errors.EvaluatorError, match="gone on clip"):
        train(asks, tmp_path / "parts")
    assert train(asks, tmp_path / "parts") == [whole]
    assert set(ASKED.values()) == {1}
    (plain,) = train(last(evaluator=Breaks), tmp_path / "plain")
    assert plain["utility"] == whole["utility"]
    alone, among = (
        (home / each.name / "agent.safetensors").read_bytes()
        for home, each in ((tmp_path / "plain", last(evaluator=Breaks)), (tmp_path / "whole", asks))
    )
    assert alone == among


def test_the_oracle_is_judged_by_it_too(tmp_path: Path) -> None:
    (result,) = train(last("oracle", evaluation_labels=9), tmp_path)
    assert result["labels"] == 0 and result["evaluation_labels"] == ASKED.total() == 9
    assert result_of(tmp_path / last("oracle", evaluation_labels=9).name) == result


def test_those_of_this_package_are_asked_as_ever(tmp_path: Path) -> None:
    plain, more = last(evaluator="bounded"), last(evaluator="bounded", evaluation_labels=9)
    assert plain.name == more.name
    (result,) = train(more, tmp_path)
    assert result["evaluation_labels"] == 0 and result["evaluator_score"] is not None
    assert last(evaluator={"of": "bounded", "noise": 1.0}).evaluator().free
    assert not last(evaluator={"of": judge, "noise": 1.0}).evaluator().free
    assert not last(evaluator={"committee": ["bounded", judge]}).evaluator().free


def test_answers_are_sealed_as_labels_are(tmp_path: Path) -> None:
    asks = last(evaluation_labels=9)
    train(asks, tmp_path)
    home = tmp_path / asks.name
    result_of(home)
    with sqlite3.connect(home / "labels.sqlite") as db:
        assert db.execute("select count(*) from answers where kind = 'evaluation'").fetchone() == (9,)
        db.execute("update answers set answer = answer + 1 where kind = 'evaluation' and number = 4")
    db.close()
    with pytest.raises(DamagedFileError, match="holds other answers than those that were given"):
        result_of(home)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"reward": "approval"}, "the evaluator judges actions"),
        (
            {"evaluator": lambda one, two: 0.5, "task": {**SHORT["task"], "label_type": "comparisons"}},
            "only compares",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=rf"^evaluation_labels: 5: .*{why}.*: must be 0$"):
        last(evaluation_labels=5, **settings)


def test_the_readme_says_how_often_its_judge_is_called() -> None:
    """By its own command, as the plan has it."""
    root = Path(__file__).parents[2]
    claim = re.search(r"by this command (\d+) times", (root / "README.md").read_text(encoding="utf-8"))
    calls: dict[str, int] = {}
    for condition in load(root / "configs" / "tidy_rooms.yaml", evaluator=judge, seeds=[0]).conditions.values():
        asks = plan(condition, 0)
        for each in (*asks.needed(), asks):
            theirs = each.content["evaluator"] != "bounded"
            calls[each.name] = theirs * each.schedule.total()[1]
    assert claim is not None and sum(calls.values()) == int(claim[1])


FIVE_LINES = """
from pathlib import Path
def judge(clip):
    seen = clip.evidence or clip.view
    with (Path(__file__).parent / "asked").open("a") as file:
        file.write("asked\\n")
    return seen["at"]
"""


def test_an_experiment_says_how_often_it_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the command line, in the table, in summary.json and in the report: in a column of its own."""
    monkeypatch.chdir(tmp_path)
    Path("corner.py").write_text(FIVE_LINES)
    few = {"seeds": 1, "workers": 1, "conditions": {"unaided": {}, "oracle": {}}}
    Path("line.yaml").write_text(json.dumps({**SHORT, **few, "evaluator": "corner.py:judge"}))
    done = CliRunner().invoke(app, ["run", "line.yaml", "--quiet"])
    assert done.exit_code == 0, done.output
    assert len(Path("asked").read_text().split()) == 30 and "evaluation" not in done.output
    assert "evaluation labels</th>" not in (tmp_path / "runs/line/report.html").read_text(encoding="utf-8")
    Path("asked").unlink()
    command = ["run", "line.yaml", "--quiet", "evaluation_labels=12"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert len(Path("asked").read_text().split()) == 12 + 12, "the labels are there"
    results = json.loads((tmp_path / "runs/line/summary.json").read_text())["conditions"]
    assert [results[name]["evaluation_labels"]["iqm"] for name in ("unaided", "oracle")] == [12, 12]
    assert [results[name]["labels"]["iqm"] for name in ("unaided", "oracle")] == [30, 0]
    assert "evaluation labels</th>" in (tmp_path / "runs/line/report.html").read_text(encoding="utf-8")
    tree = json.loads((tmp_path / "runs/line/summary.json").read_text())
    assert "evaluation labels" in [column.header for column in terminal.table(tree).columns]
    assert parse_summary(tree).evaluated
    CliRunner().invoke(app, command)
    assert len(Path("asked").read_text().split()) == 24, "what is done is not asked again"

"""Which round is started when, that every engine leaves the same folders, and what a dry run says."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import rrm
from rrm.cli import main
from rrm.config.load import load
from rrm.errors import EvaluatorError
from rrm.experiment.dry_run import dry_run
from rrm.experiment.engines import Outcome, run_rounds
from rrm.experiment.graph import RoundGraph
from rrm.experiment.progress import Progress, RoundProgress
from rrm.experiment.run import cells_of
from rrm.feedback.clips import Clip
from rrm.rounds.plan import Plan, plan
from tests.helpers.training import SHORT, folder_content

ROOT = Path(__file__).parents[2]
TINY: dict[str, Any] = {**SHORT, "experiment": "tiny", "seeds": 2, "workers": 1}
TINY["conditions"] = {"unaided": {}, "assisted": {}}
LONG = {"steps": 20_000, "labels": 30, "initial_labels": 12}


def graph_of(**settings: Any) -> RoundGraph:
    return RoundGraph([cell.last for cell in cells_of(load({**TINY, "conditions": None, **settings}))])


# --- The graph -----------------------------------------------------------------------------------------------------


def test_rounds_that_cells_share_are_one() -> None:
    graph = graph_of(seeds=1)
    kinds = [each.kind for each in graph.rounds.values()]
    assert kinds == ["task", "assistant1", "task", "task", "task"]
    unaided, helper, assisted, *others = graph.rounds
    assert graph.below == {
        unaided: set(),
        helper: {unaided},
        assisted: {unaided, helper},
        **{name: set() for name in others},
    }


def test_the_longest_chain_is_started_first() -> None:
    graph = graph_of(seeds=1, conditions={"oracle": {"task": LONG}, "ideal": {}, "unaided": {}, "assisted": {}})
    order = []
    while each := graph.next():
        order.append((each.asks, each.scripted))
    assert order == [(False, []), (True, []), (True, ["ideal"])]


def test_a_round_waits_for_those_below_it_alone() -> None:
    graph = graph_of(seeds=2, conditions={"unaided": {}, "assisted": {}})
    first, second = graph.next(), graph.next()
    assert first and second and (first.seed, second.seed) == (0, 1) and graph.next() is None
    graph.done(second.name)
    helper = graph.next()
    assert helper and (helper.seed, helper.level) == (1, 1) and graph.next() is None


# --- The loop ---------------------------------------------------------------------------------------------------------


class Scripted:
    """An engine that runs nothing, and ends the round that was started last first; ``broken`` fails."""

    def __init__(self, room: int, broken: str = "") -> None:
        self.room, self.broken = room, broken
        self.running: list[Plan] = []
        self.log: list[str] = []
        self.left_with: Any = "not left"

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.left_with = kind

    def has_room(self) -> bool:
        return len(self.running) < self.room

    def start(self, plan: Plan) -> None:
        self.running.append(plan)
        self.log.append(plan.name)

    def wait(self) -> list[Outcome]:
        plan = self.running.pop()
        if plan.name == self.broken:
            return [Outcome(plan.name, error=EvaluatorError("judge"))]
        return [Outcome(plan.name, {"env_steps": 1, "labels": 1, "utility": 0.0, "evaluator_score": None})]


def run_scripted(engine: Scripted, graph: RoundGraph, folder: Path) -> tuple[Progress, list[str], Any]:
    cells = {("a", 0): [*graph.rounds]}
    progress = Progress(dict.fromkeys(graph.rounds, RoundProgress(1, 1)), cells)
    done: list[str] = []

    def on_done(name: str, results: Mapping[str, Any]) -> None:
        assert name in results
        done.append(name)

    try:
        results: Any = run_rounds(graph, engine, folder, progress, on_done)
    except EvaluatorError as error:
        results = error
    return progress, done, results


@pytest.mark.parametrize("room", [1, 2, 5])
def test_every_round_runs_once_and_after_those_below_it(tmp_path: Path, room: int) -> None:
    graph, engine = graph_of(seeds=2), Scripted(room)
    _, done, results = run_scripted(engine, graph, tmp_path)
    assert sorted(engine.log) == sorted(done) == sorted(results) == sorted(graph.rounds)
    for name, below in graph.below.items():
        assert all(engine.log.index(each) < engine.log.index(name) for each in below)
    assert engine.left_with is None


def test_the_first_error_ends_the_run(tmp_path: Path) -> None:
    graph = graph_of(seeds=2)
    broken = next(iter(graph.rounds))
    engine = Scripted(2, broken)
    progress, done, error = run_scripted(engine, graph, tmp_path)
    assert str(error) == "judge" and engine.left_with is EvaluatorError
    states = {name: each.status for name, each in progress.rounds.items()}
    assert states[broken] == "failed" and all(states[name] == "done" for name in done)
    assert {state for name, state in states.items() if name not in (broken, *done)} == {"stopped"}


# --- Experiments ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this process alone leaves."""
    return rrm.run(TINY, folder=tmp_path_factory.mktemp("whole"), live=False).folder


def test_processes_leave_what_one_process_leaves(whole: Path, tmp_path: Path) -> None:
    assert folder_content(rrm.run(TINY, "workers=2", folder=tmp_path, live=False).folder) == folder_content(whole)


def test_where_rounds_run_is_no_part_of_the_configuration(whole: Path) -> None:
    assert '"workers": null' in (whole / "experiment.json").read_text()


def test_what_is_done_does_not_run_again(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("rrm.iterate.Runner", never)
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.is_file()}
    rrm.run(TINY, folder=whole.parent, live=False)
    assert before == {path: path.stat().st_mtime_ns for path in whole.rglob("*") if path.is_file()}


def _breaks(clip: Clip) -> float:
    if clip.number == 3:
        raise RuntimeError("enough")
    return float(clip.view["at"])


@pytest.mark.parametrize("workers", [1, 2])
def test_cells_that_are_done_are_concluded_before_another_fails(tmp_path: Path, workers: int) -> None:
    trees = {"oracle": {"task": LONG}, "unaided": {"evaluator": _breaks}}
    with pytest.raises(EvaluatorError, match="enough"):
        rrm.run({**TINY, "seeds": 1, "workers": workers, "conditions": trees}, folder=tmp_path, live=False)
    done = {path.parent.name.partition("-")[0] for path in tmp_path.glob("tiny/cells/*/result.json")}
    assert done <= {"oracle"} and (done or workers == 2)
    assert len([*tmp_path.glob("tiny/cells/*/cell.json")]) == 2


STOPPED = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
from rrm.cli import main
sys.exit(main(["run", "tiny.yaml", "--quiet"]))
"""


def test_ctrl_c_stops_all_processes(whole: Path, tmp_path: Path) -> None:
    """The same command then goes on, to the same end."""
    import yaml

    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump({**TINY, "workers": 2}))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED], env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 120
    while not [*tmp_path.glob("runs/tiny/rounds/*/checkpoint.json")]:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr and process.stderr.read() == "rrm: stopped; the same command goes on from here\n"
    process.stderr.close()
    rrm.run(TINY, folder=tmp_path / "runs", live=False)
    assert folder_content(tmp_path / "runs" / "tiny") == folder_content(whole)


# --- Dry runs ---------------------------------------------------------------------------------------------------------


def shown(run: Any) -> str:
    text = io.StringIO()
    Console(file=text, width=160).print(run.table())
    return text.getvalue()


def test_a_dry_run_says_what_would_run_and_writes_nothing(tmp_path: Path) -> None:
    planned = dry_run(TINY, "workers=2", folder=tmp_path)
    assert [(job.plan.kind, job.conditions, job.plan.seed) for job in planned.jobs[:3]] == [
        ("task", ["unaided", "assisted"], 0),
        ("task", ["unaided", "assisted"], 1),
        ("assistant1", ["assisted"], 0),
    ]
    assert len(planned.jobs) == 6 and planned.seconds is None and planned.workers == 2
    assert [(job.steps, job.labels, job.steps_done) for job in planned.jobs[:1]] == [(1696, 30, 0)]
    assert "6 of 6 rounds to run" in shown(planned) and "time unknown" in shown(planned)
    assert not [*tmp_path.iterdir()]


def test_a_dry_run_goes_by_the_speed_of_finished_rounds(whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*")}
    planned = dry_run(TINY, "seeds=3", folder=whole.parent)
    todo = [job for job in planned.jobs if not job.done]
    assert {job.plan.seed for job in todo} == {2} and len(todo) == 3 and planned.measured == 6
    assert planned.seconds == pytest.approx(sum(job.seconds or 0 for job in todo)) and all(job.seconds for job in todo)
    assert "3 of 9 rounds to run" in shown(planned) and "measured speed of 6 finished rounds" in shown(planned)
    assert "all rounds are done" in shown(dry_run(TINY, folder=whole.parent))
    assert before == {path: path.stat().st_mtime_ns for path in whole.rglob("*")}


def test_a_dry_run_counts_what_a_checkpoint_holds(tmp_path: Path) -> None:
    from tests.helpers.training import conditions, stop_after, stopped

    last = plan(conditions()["oracle"], 0)
    stopped(last, tmp_path / "tiny" / "rounds", stop_after(3))
    planned = dry_run({**TINY, "conditions": {"oracle": {}}}, folder=tmp_path)
    (job,) = [job for job in planned.jobs if job.plan.name == last.name]
    assert job.steps_done == last.schedule.steps_due(3) and not job.done
    assert "576 of 2k" in shown(planned)


def test_dry_runs_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "suite", "seeds=1", "--dry-run", "--folder", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.count(" rounds to run, ") > 1 and out.startswith("tidy_rooms\n") and not [*tmp_path.iterdir()]


def test_engines_import_no_torch() -> None:
    code = "import sys, rrm.experiment.run, rrm.experiment.dry_run; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0

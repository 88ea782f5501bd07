"""The command line: what it hands on, and the one line with which it answers what is wrong."""

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

import rrm
from rrm.cli import main
from rrm.config.load import load
from rrm.errors import ConfigError, DamagedFileError, EvaluatorError, RRMError

CONFIG = "env: rrm/TidyRooms-v0\nseeds: 1\n"


class Results:
    """Just so much of an experiment's results as the command line needs."""

    folder = Path("runs/mine")

    def table(self) -> Table:
        table = Table("condition", "gap recovered")
        table.add_row("assisted", "0.93")
        return table


Runs = list[tuple[tuple[Any, ...], dict[str, Any]]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory that holds one configuration, mine.yaml; whatever a command adds to sys.path goes again."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("mine.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """The calls of rrm.run, which checks the configuration and does nothing else."""
    calls: Runs = []

    def run(config: str, *overrides: str, **settings: Any) -> Results:
        load(config, overrides)
        calls.append(((config, *overrides), settings))
        return Results()

    monkeypatch.setattr(rrm, "run", run, raising=False)
    return calls


def stub(monkeypatch: pytest.MonkeyPatch, module: str, name: str, function: Callable[..., Any]) -> None:
    """Put ``function`` where a command imports it from."""
    module_ = types.ModuleType(module)
    setattr(module_, name, function)
    monkeypatch.setitem(sys.modules, module, module_)


def failing(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


# --- rrm run ----------------------------------------------------------------------------------------------------------


def test_run_hands_on_and_ends_with_the_table(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "mine.yaml", "seeds=5", "conditions.assisted.horizon.discount=0.9"]) == 0
    assert runs == [
        (
            ("mine.yaml", "seeds=5", "conditions.assisted.horizon.discount=0.9"),
            {"folder": Path("runs"), "live": True},
        )
    ]
    out, err = capsys.readouterr()
    assert "assisted" in out and "0.93" in out and not err
    assert out.splitlines()[-2:] == [str(Path("runs/mine/report.html")), str(Path("runs/mine/summary.json"))]


def test_options_may_stand_anywhere(runs: Runs) -> None:
    assert main(["run", "--quiet", "mine.yaml", "seeds=2", "--folder", "elsewhere", "workers=1"]) == 0
    assert runs == [(("mine.yaml", "seeds=2", "workers=1"), {"folder": Path("elsewhere"), "live": False})]


def test_values_that_begin_with_a_dash_are_values(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "mine.yaml", "task.labels=-3"]) == 2
    assert capsys.readouterr().err == "rrm: task.labels: -3: must be at least 1\n"


def test_evaluators_are_found_in_the_working_directory(runs: Runs, home: Path) -> None:
    (home / "my_judges_of_this_test.py").write_text("def judge(clip):\n    return 0.0\n")
    (home / "json.py").write_text("raise RuntimeError('no file of the working directory stands before a library')\n")
    assert main(["run", "mine.yaml", "evaluator=my_judges_of_this_test:judge"]) == 0
    assert sys.path[-1] == str(home)
    del sys.modules["my_judges_of_this_test"]


WRONG = {
    "": "Missing argument",
    "nosuch.yaml": "nosuch.yaml: no such file or preset; ",
    "mien.yaml": "mien.yaml: no such file or preset; did you mean 'mine.yaml'?",
    "seeds=5": "'seeds=5': name the experiment first, a YAML file or a preset; overrides come after it",
    "mine.yaml seeds": "'seeds': not an override; write key=value, such as seeds=5",
    "mine.yaml mine.yaml": "'mine.yaml': not an override; write key=value, such as seeds=5",
    "mine.yaml sedes=5": "sedes=5: no such key; did you mean 'seeds'?",
    "mine.yaml conditions.asisted.reward=broad": (
        "conditions.asisted.reward=broad: no such condition; did you mean 'assisted'?"
    ),
    "mine.yaml task.labels=many": "task.labels: 'many': must be a whole number",
    "mine.yaml env=rrm/TidyRoom-v0": "env: 'rrm/TidyRoom-v0' is not a registered environment; did you mean ",
    "mine.yaml evaluator=bonded": "evaluator: 'bonded' is not a registered evaluator",
    "mine.yaml task.labels= -3": "No such option",
    "mine.yaml --folde x": "No such option",
    "mine.yaml --folder": "Option '--folder' requires an argument",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_what_is_wrong_is_one_line_and_status_2_and_nothing_is_written(
    arguments: str, runs: Runs, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"rrm: {WRONG[arguments]}")
    assert err.endswith("\n") and err.count("\n") == 1
    assert [path.name for path in home.iterdir()] == ["mine.yaml"]
    assert not runs


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ConfigError("seeds: wrong"), 2, "seeds: wrong"),
        (EvaluatorError("judge: clip 3: nan\nis not finite"), 1, "judge: clip 3: nan is not finite"),
        (DamagedFileError("a/b.json: damaged"), 1, "a/b.json: damaged"),
        (PermissionError(13, "Permission denied", "runs"), 1, "[Errno 13] Permission denied: 'runs'"),
        (KeyboardInterrupt(), 130, "stopped; the same command goes on from here"),
    ],
)
def test_errors_of_a_run_are_one_line(
    error: BaseException,
    status: int,
    line: str,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(rrm, "run", failing(error), raising=False)
    assert main(["run", "mine.yaml"]) == status
    assert capsys.readouterr().err == f"rrm: {line}\n"


def test_bugs_are_not_hidden(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rrm, "run", failing(ZeroDivisionError("ours")), raising=False)
    with pytest.raises(ZeroDivisionError, match="ours"):
        main(["run", "mine.yaml"])


# --- The others -------------------------------------------------------------------------------------------------------


def test_envs_lists_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    from rrm.envs import ids

    assert main(["envs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(ids())
    assert all(len(line.split()) > 1 for line in lines)


def test_exact_prints_the_tables_of_a_world(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rrm.envs.tables import page

    assert main(["exact", "rrm/AuditTree-v1"]) == 0
    assert capsys.readouterr().out == f"## rrm/AuditTree-v1\n\n{page('rrm/AuditTree-v1')}\n"


def test_exact_prints_those_of_all_families(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rrm.envs import tables

    monkeypatch.setattr(tables, "page", lambda name: f"what is known of {name}\n")
    assert main(["exact"]) == 0
    out = capsys.readouterr().out
    assert all(f"## {name}\n\nwhat is known of {name}\n\n" in out for name in tables.families().values())


def test_watch_records_a_video(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[tuple[Any, ...]] = []

    def watch(run: Path, out: Path | None, seed: int, *, trust: bool) -> Path:
        calls.append((run, out, seed, trust))
        return out or run / "video.gif"

    stub(monkeypatch, "rrm.report.watch", "watch", watch)
    Path("cell").mkdir()
    assert main(["watch", "cell"]) == 0
    assert main(["watch", "cell", "--out", "a.gif", "--seed", "7", "--trust"]) == 0
    assert calls == [(Path("cell"), None, 0, False), (Path("cell"), Path("a.gif"), 7, True)]
    assert capsys.readouterr().out.splitlines() == [str(Path("cell/video.gif")), "a.gif"]


def test_report_builds_anew(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stub(monkeypatch, "rrm.report.build", "build", lambda folder, trust: folder / f"report{trust}.html")
    Path("mine").mkdir()
    assert main(["report", "mine"]) == main(["report", "mine", "--trust"]) == 0
    assert capsys.readouterr().out.split() == [str(Path(f"mine/report{trust}.html")) for trust in (False, True)]
    stub(monkeypatch, "rrm.report.suite_page", "build", lambda folder: folder / "suite.html")
    Path("mine/suite.json").touch()
    assert main(["report", "mine"]) == 0
    assert capsys.readouterr().out == f"{Path('mine/suite.html')}\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["watch", "runz"], "'runz': no such folder; did you mean 'runs'?"),
        (["report", "runz"], "'runz': no such folder; did you mean 'runs'?"),
        (["report", "a/b/c"], "'a/b/c': no such folder"),
        (["watch", "runs", "--out", "a.mp4"], "--out: 'a.mp4': must end in .gif"),
        (["watch", "runs", "--out", "nosuch/a.gif"], "--out: 'nosuch/a.gif': there is no folder 'nosuch'"),
        (["watch", "runs", "--seed", "x"], "Invalid value for '--seed'"),
        (["watch", "runs", "--seed", "-1"], "Invalid value for '--seed'"),
        (["exact", "rrm/AuditTre-v0"], "'rrm/AuditTre-v0': 'rrm/AuditTre-v0' is not registered: "),
        (["watch"], "Missing argument"),
        (["rnu"], "No such command 'rnu'"),
        (["--nosuch"], "No such option"),
    ],
)
def test_the_others_answer_in_one_line_too(
    arguments: list[str], line: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("runs").mkdir()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith(f"rrm: {line}") and err.count("\n") == 1


def test_ctrl_c_elsewhere_just_stops(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stub(monkeypatch, "rrm.report.build", "build", failing(KeyboardInterrupt()))
    assert main(["report", "."]) == 130
    assert capsys.readouterr().err == "rrm: stopped\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["run", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert "Usage" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("rrm-gym")


def test_exit_statuses_differ() -> None:
    assert (RRMError.exit_status, ConfigError.exit_status) == (1, 2)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from rrm.cli import main; assert main(['--help']) == 0; "
        "heavy = {'torch', 'numpy', 'gymnasium', 'scipy', 'matplotlib', 'stable_baselines3'}; "
        "print('heavy', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy []"


def test_check_says_point_by_point_what_a_world_lacks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["check", "rrm/AuditTree-v1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "passed  no leak" in lines and "passed  help closes the gap: 100% at depth 2" in lines

    monkeypatch.setattr("rrm.envs.families.audit_tree.AuditTree.actions", 3)
    assert main(["check", "rrm/AuditTree-v1"]) == 1
    shown = capsys.readouterr()
    assert "FAILED" in shown.out and shown.err.startswith("rrm: rrm/AuditTree-v1: ") and "failed" in shown.err


def test_check_of_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "rrm/Nowhere-v0"]) == 2
    assert capsys.readouterr().err.startswith("rrm: 'rrm/Nowhere-v0': ")
    assert main(["check", "no_such_module:Nowhere-v0"]) == 2
    assert "no_such_module" in capsys.readouterr().err

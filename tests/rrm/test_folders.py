"""A run folder from anybody: nothing that it names is imported or run, and whatever is damaged is named."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gymnasium
import pytest

import rrm
from rrm.cli import main
from rrm.envs.named import UntrustedError, named_world
from rrm.errors import DamagedFileError, RRMError
from rrm.experiment.run import configuration
from rrm.feedback.clips import Clip
from rrm.report import build as report
from rrm.rounds.plan import plan
from rrm.storage import rundir
from rrm.streams import Purpose
from tests.helpers.training import SHORT, conditions, labels_in, left_by, stop_after, stopped, train

TINY: Mapping[str, Any] = {
    **SHORT,
    "experiment": "tiny",
    "seeds": 1,
    "workers": 1,
    "conditions": {"unaided": {}, "assisted": {}, "oracle": {}},
}

UNAIDED = plan(conditions()["unaided"], 0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rrm.run(TINY, folder=tmp_path_factory.mktemp("finished"), live=False).folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A finished run, to be changed."""
    return shutil.copytree(finished, tmp_path / "runs" / "tiny")


def cell(folder: Path, condition: str = "unaided") -> Path:
    return next((folder / "cells").glob(f"{condition}-*"))


def last_round(cell: Path) -> Path:
    return cell.parent.parent / "rounds" / str(json.loads((cell / "cell.json").read_text())["rounds"][-1])


# --- Nothing runs -----------------------------------------------------------------------------------------------------

EVIL = """
from pathlib import Path
import gymnasium
(Path(__file__).parent / "PWNED").touch()
make = judge = Evil = lambda *args, **kwargs: (Path(__file__).parent / "PWNED").touch()
gymnasium.register("Evil-v0", entry_point=make)
"""

ATTACKS: dict[str, tuple[str, dict[str, Any]]] = {
    "command": ("os:system", {"command": "touch PWNED"}),
    "package": ("evil:Evil-v0", {}),
    "constructor": ("evil:make", {}),
    "class": ("tests/Line-v0", {"world": "evil:Evil"}),
    "entry point": ("CartPole-v1", {"entry_point": "evil:make"}),
    "keyword": ("CartPole-v1", {"render_mode": "human"}),
    "nested": ("CartPole-v1", {"wrappers": [{"name": "evil:make"}]}),
    "no text": ("CartPole-v1", {"wrappers": {"evil": 1}}),
}


@pytest.fixture
def evil(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What is there once something has run: the module ``evil`` makes it when it is imported or called."""
    (tmp_path / "evil.py").write_text(EVIL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "PWNED"
    sys.modules.pop("evil", None)
    gymnasium.registry.pop("Evil-v0", None)


def forge(folder: Path, env: str, settings: Mapping[str, Any], trained: Path | None = None) -> None:
    """Put another world into the agents of a folder, and all fingerprints right again."""
    for home in [trained] if trained else (folder / "rounds").iterdir():
        about = json.loads((home / "agent.json").read_text())
        (home / "agent.json").write_text(json.dumps({**about, "env": env, "env_settings": settings}))
        result = rundir.read_sealed(home / "result.json")
        result["files"]["agent.json"] = rundir.digest(home / "agent.json")
        rundir.write_sealed(home / "result.json", result)


def make_world(folder: Path) -> int:
    try:
        rrm.load_agent(cell(folder)).make_world(1)
    except ValueError as error:
        assert "make_world(n, trust=True)" in str(error) and "\n" not in str(error)
        return 1
    return 0


ENTRIES: dict[str, Callable[[Path], int]] = {
    "report": lambda folder: main(["report", str(folder)]),
    "watch": lambda folder: main(["watch", str(cell(folder))]),
    "make_world": make_world,
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_a_folder_names_is_run(
    folder: Path, evil: Path, capsys: pytest.CaptureFixture[str], entry: str, attack: str
) -> None:
    forge(folder, *ATTACKS[attack])
    assert ENTRIES[entry](folder) == 1
    out, err = capsys.readouterr()
    assert not evil.exists() and not out
    if entry != "make_world":
        assert err.count("\n") == 1 and f"rrm {entry} " in err and "--trust" in err


@pytest.mark.parametrize("attack", ["command", "package", "constructor"])
def test_who_trusts_a_folder_says_so(folder: Path, evil: Path, attack: str) -> None:
    """And then runs what it names: so the tests above would see it."""
    forge(folder, *ATTACKS[attack])
    main(["watch", str(cell(folder)), "--trust"])
    assert evil.exists()


def test_a_reward_needs_no_world(folder: Path, evil: Path) -> None:
    """Whatever the round says of its world; its own evaluator is not looked for either."""
    old = last_round(cell(folder))
    about = {**rundir.read_json(old / "round.json"), "env": "os:system", "evaluator": "evil:judge"}
    about["env_settings"] = {"command": f"touch {evil}"}
    new = old.rename(old.with_name(f"task-{rundir.fingerprint(about)}"))
    rundir.write_json(new / "round.json", about)
    assert rrm.load_reward(new).kind == "narrow"
    assert not evil.exists()


@pytest.mark.parametrize(
    ("env", "settings"),
    [
        ("rrm/TidyRooms-v0", {}),
        ("evil:rrm/TidyRooms-v0", {}),
        ("tests/Line-v0", {"cells": "many"}),
        ("tests/Line-v0", {"cells": -3}),
        ("tests/Line-v0", {"nosuch": 1}),
        ("tests/Line-v0", {"n": 5}),
        ("CartPole-v1", {"visible_fields": ["evil:make"]}),
        ("CartPole-v1", {}),
    ],
)
def test_a_world_that_does_not_fit_is_one_line(
    folder: Path, evil: Path, capsys: pytest.CaptureFixture[str], env: str, settings: dict[str, Any]
) -> None:
    forge(folder, env, settings)
    for entry in ("watch", "report"):
        assert ENTRIES[entry](folder) == 1
        err = capsys.readouterr().err
        assert err.startswith("rrm: ") and err.count("\n") == 1 and env in err
    assert not evil.exists()


@pytest.mark.parametrize("settings", [{"length": 10**6}, {"length": -1e300}, {"branching": [{"a": [10**6]}]}])
def test_a_folder_cannot_ask_for_a_world_that_fills_the_memory(settings: dict[str, Any]) -> None:
    with pytest.raises(UntrustedError, match="a file may set numbers up to 100,000 for 'rrm/AuditTree-v1'"):
        named_world("rrm/AuditTree-v1", 1, settings)


@pytest.mark.parametrize(
    ("env", "settings"),
    [
        ("TidyRooms-v0", {"size": 20_000}),
        ("TidyRooms-v0", {"layouts": 99_999, "size": 19}),
        ("TidyRooms-v0", {"plan": "b" + "." * 10_000}),
        ("TidyRoomsInspection-v0", {"length": 99_999}),
        ("TidyRooms-v0", {"length": 99_999}),
        ("AuditTree-v1", {"length": 99_999}),
        ("AuditTree-v1", {"branching": 99_999, "depth": 99_999}),
        ("AuditTree-v1", {"branching": 2, "depth": 13}),
        ("StagedCrisis-v0", {"length": 99_999}),
        ("SortingNetwork-v0", {"width": 30}),
        ("SortingNetwork-v0", {"length": 99_999}),
        ("Foresight-v0", {"visits": 99_999}),
        ("Foresight-v0", {"m": 99_999}),
        ("Foresight-v0", {"depth": 99_999}),
        ("CameraDropbox-v0", {"length": 99_999}),
        ("CameraDropbox-v0", {"inspection": 99_999}),
        ("Fork-v0", {"length": 99_999}),
        ("Fork-v0", {"gain_at": 99_999}),
    ],
)
def test_a_world_of_the_suite_bounds_what_makes_its_arrays_large(env: str, settings: dict[str, Any]) -> None:
    """Numbers that a folder may set are squared there, or kept for each step."""
    with pytest.raises(ValueError, match=r"making it fails: [^\n]* must [^\n]*, got [^\n]*\Z"):
        named_world(f"rrm/{env}", 1, settings)


def test_what_a_folder_says_moves_no_cursor() -> None:
    with pytest.raises(ValueError) as caught:
        named_world("rrm/TidyRooms-v0", 1, {"plan": "\x9b31m" + "b" * 9})
    assert str(caught.value).isprintable()


def test_a_run_goes_by_its_own_configuration(folder: Path, evil: Path) -> None:
    """The folder is full of other worlds; the round of the task is trained again, under the assistant in it."""
    forge(folder, *ATTACKS["command"])
    for each in (folder / "cells").iterdir():
        about = rundir.read_sealed(each / "cell.json")
        about["config"] |= {"env": "evil:make", "evaluator": "evil:judge"}
        rundir.write_sealed(each / "cell.json", about)
    shutil.rmtree(last_round(cell(folder, "assisted")))
    before = json.loads((folder / "summary.json").read_text())
    assert rrm.run(TINY, folder=folder.parent, live=False).summary.items() <= before.items()
    assert not evil.exists() and (folder / "videos" / "unaided.gif").exists()


OWN_METHODS = {
    "amplify": {"method": "evil:Evil", "assistants": "none", "depth": None, "start_states": "world", "settings": {}},
    "distill": {"method": "evil:Evil", "reward": "narrow", "settings": {}},
    "learner": {"algorithm": "evil:Evil", "num_envs": 8, "n_steps": 8, "learning_rate": 0.01, "settings": {}},
}


@pytest.mark.parametrize("slot", OWN_METHODS)
def test_a_configuration_in_a_folder_imports_no_method(folder: Path, evil: Path, slot: str) -> None:
    tree = rundir.read_json(folder / "experiment.json")
    for each in tree["conditions"].values():
        key = "algorithm" if slot == "learner" else "method"
        each |= {"env": "tests/Line-v0"}
        each[slot][key] = "evil:Evil"
    rundir.write_json(folder / "experiment.json", tree)
    summary = rundir.read_sealed(folder / "summary.json")
    rundir.write_sealed(folder / "summary.json", {**summary, "configuration": rundir.fingerprint(tree)})
    with pytest.raises(RRMError, match=r"experiment\.json: conditions\..*only this package's methods"):
        configuration(folder)
    assert not evil.exists()


def test_a_report_imports_no_evaluator(folder: Path, evil: Path) -> None:
    experiment = rundir.read_json(folder / "experiment.json")
    for each in (folder / "cells").iterdir():
        about = rundir.read_sealed(each / "cell.json")
        about["config"] |= {"evaluator": "evil:judge", "env": "evil:make", **OWN_METHODS}
        experiment["conditions"][about["condition"]] = about["config"]
        rundir.write_sealed(each / "cell.json", about)
    rundir.write_json(folder / "experiment.json", experiment)
    summary = rundir.read_sealed(folder / "summary.json")
    rundir.write_sealed(folder / "summary.json", {**summary, "configuration": rundir.fingerprint(experiment)})
    report.build(folder)
    assert not evil.exists()


@pytest.mark.parametrize(
    ("env", "settings", "evaluator"),
    [
        ("evil:make", {}, "bounded"),
        ("evil:tests/Line-v0", {}, "bounded"),
        ("tests/Line-v0", {}, "evil:judge"),
        ("tests/Line-v0", {"world": "evil:Evil"}, "bounded"),
    ],
)
def test_a_configuration_in_a_folder_imports_nothing(
    folder: Path, evil: Path, env: str, settings: dict[str, Any], evaluator: str
) -> None:
    tree = rundir.read_json(folder / "experiment.json")
    for each in tree["conditions"].values():
        each |= {"env": env, "env_settings": settings, "evaluator": evaluator}
    rundir.write_json(folder / "experiment.json", tree)
    with pytest.raises(DamagedFileError, match=r"experiment\.json: is not the configuration"):
        configuration(folder)
    summary = rundir.read_sealed(folder / "summary.json")
    rundir.write_sealed(folder / "summary.json", {**summary, "configuration": rundir.fingerprint(tree)})
    with pytest.raises(RRMError, match=r"experiment\.json: conditions\."):
        configuration(folder)
    assert not evil.exists()


def test_a_report_writes_nowhere_else(folder: Path, tmp_path: Path) -> None:
    for name in ("report.html", "videos/unaided.gif", "figures"):
        path, target = folder / name, tmp_path / "mine"
        target.write_text("mine")
        kept = path.rename(tmp_path / "kept")
        path.symlink_to(target)
        with pytest.raises(DamagedFileError, match=f"{path.name}: is not what a report writes; move it away"):
            report.build(folder)
        assert target.read_text() == "mine"
        path.unlink()
        kept.rename(path)


@pytest.mark.parametrize("name", ["videos", "rounds", "rounds/X", "cells/X"])
def test_a_run_writes_nowhere_else(folder: Path, tmp_path: Path, name: str) -> None:
    mine, own = tmp_path / "mine", cell(folder)
    mine.mkdir()
    for each in ("photo.gif", ".notes.tmp", "checkpoint-mine.safetensors"):
        (mine / each).write_text("mine")
    path = {"rounds/X": last_round(own), "cells/X": own}.get(name, folder / name)
    shutil.rmtree(path)
    path.symlink_to(mine)
    (folder / "summary.json").write_text("{}")
    with pytest.raises(DamagedFileError, match=f"{path.name}: is (a link|not what a report writes)"):
        rrm.run(TINY, folder=folder.parent, live=False)
    assert len(list(mine.iterdir())) == 3


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_video_is_written_nowhere_else(folder: Path, tmp_path: Path, kind: str) -> None:
    path, target = cell(folder) / "video.gif", tmp_path / "mine"
    target.write_text("mine")
    if kind == "link":
        path.symlink_to(target)
    else:
        os.mkfifo(path)
    assert main(["watch", str(cell(folder))]) == 1
    assert target.read_text() == "mine"
    assert main(["watch", str(cell(folder)), "--out", str(tmp_path / "video.gif")]) == 0


# --- Damage -----------------------------------------------------------------------------------------------------------


def _number(content: bytes) -> bytes:
    """With another first digit; another last one of a float may make no other number."""
    at = min(at for digit in b"123456789" if (at := content.find(digit)) >= 0)
    return content[:at] + bytes([content[at] ^ 1 or ord("7")]) + content[at + 1 :]


CHANGED: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "flipped": lambda content: (
        content[: len(content) // 2] + bytes([content[len(content) // 2] ^ 1]) + content[len(content) // 2 + 1 :]
    ),
    "edited": _number,
    "deep": lambda content: b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "text": lambda content: b"\xff\x00 not this",
    "list": lambda content: b"[1, 2, 3]",
}
DAMAGES = ("gone", "folder", "pipe", "device", *CHANGED)


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "device":
        path.symlink_to("/dev/zero")
    elif how != "gone":
        path.write_bytes(CHANGED[how](content))
        assert path.read_bytes() != content


def refused(read: Callable[[], object], path: Path) -> str:
    with pytest.raises(DamagedFileError) as error:
        read()
    assert path.name in str(error.value) and "\n" not in str(error.value) and "remove" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize(
    "file", ["summary.json", "experiment.json", "cell.json", "cell/result.json", "round/result.json", "metrics.csv"]
)
def test_a_report_names_what_is_damaged(folder: Path, capsys: pytest.CaptureFixture[str], file: str, how: str) -> None:
    homes = {"cell.json": cell(folder), "cell": cell(folder), "round": last_round(cell(folder))}
    home = last_round(cell(folder)) if file == "metrics.csv" else homes.get(file.split("/")[0], folder)
    path = home / file.split("/")[-1]
    damage(path, how)
    assert main(["report", str(folder)]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"rrm: {path}: ") and err.count("\n") == 1


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize(
    "file",
    [
        "agent.json",
        "agent.safetensors",
        "reward.json",
        "reward.safetensors",
        "metrics.csv",
        "result.json",
        "round.json",
        "labels.sqlite",
    ],
)
def test_a_round_names_what_is_damaged(folder: Path, file: str, how: str) -> None:
    home = last_round(cell(folder))
    if file == "labels.sqlite" and how in ("flipped", "edited"):  # of the file, that may be where nothing is
        with sqlite3.connect(home / file) as db:
            db.execute("update answers set answer = answer + 1 where number = 7")
        db.close()
    else:
        damage(home / file, how)
    refused(lambda: rrm.load_agent(cell(folder)), home / file)
    refused(lambda: rrm.load_reward(cell(folder)), home / file)
    if (file, how) != ("result.json", "gone"):  # then it is not done, and is trained
        error = refused(lambda: train(UNAIDED, home.parent), home / file)
        assert ("what is not there is asked again" if file == "labels.sqlite" else "without asking again") in error


def test_a_result_cannot_change_places(folder: Path) -> None:
    """Whole files, each right in itself, where another one belongs."""
    one, other = (cell(folder, name) for name in ("unaided", "oracle"))
    for path, its in (
        (one / "result.json", other / "result.json"),
        (one / "cell.json", other / "cell.json"),
        (last_round(one) / "result.json", last_round(other) / "result.json"),
    ):
        whole = path.read_bytes()
        shutil.copy(its, path)
        refused(lambda: report.build(folder), path)
        path.write_bytes(whole)
    shutil.copy(last_round(other) / "round.json", last_round(one) / "round.json")
    refused(lambda: rrm.load_agent(one), last_round(one) / "round.json")


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("agent.json", {"hidden": [2**20, 2**20]}),
        ("agent.json", {"hidden": []}),
        ("agent.json", {"hidden": "64"}),
        ("agent.json", {"layout": {"scalars": 10**9, "planes": None, "centred": True}}),
        ("agent.json", {"layout": [1, 2]}),
        ("agent.json", {"actions": {"low": [0.0], "high": []}}),
        ("agent.json", {"actions": 10**30}),
        ("agent.json", {"activation": "os:system"}),
        ("agent.json", {"more": 1}),
        ("agent.json", {"level": -1}),
        ("reward.json", {"settings": {"hidden": 10**9}}),
        ("reward.json", {"layout": {"scalars": -1, "planes": [2, -1, 7], "centred": True}}),
        ("reward.json", {"mean": float("nan")}),
        ("reward.json", {"spread": [[1.0], [1.0]]}),
    ],
)
def test_what_does_not_fit_is_named_even_with_all_fingerprints_right(
    folder: Path, file: str, change: dict[str, Any]
) -> None:
    home = last_round(cell(folder))
    path = home / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    result = rundir.read_sealed(home / "result.json")
    rundir.write_sealed(home / "result.json", {**result, "files": {**result["files"], file: rundir.digest(path)}})
    with pytest.raises(DamagedFileError, match=file.partition(".")[0]) as error:
        (rrm.load_agent if file == "agent.json" else rrm.load_reward)(home)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["agent.json", "other"])
def test_a_result_names_its_own_files_and_no_links(folder: Path, name: str) -> None:
    home = last_round(cell(folder))
    path, result = home / name, rundir.read_sealed(home / "result.json")
    path.unlink(missing_ok=True)
    path.symlink_to("metrics.csv")
    files = {**result["files"], name: rundir.digest(home / "metrics.csv")}
    rundir.write_sealed(home / "result.json", {**result, "files": files})
    with pytest.raises(DamagedFileError, match=r"agent\.json: is a link|result\.json: files\.other"):
        rrm.load_agent(home)


def _changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Write another summary.json."""
    content = rundir.read_sealed(folder / "summary.json")
    change(content)
    rundir.write_sealed(folder / "summary.json", content)


def test_a_report_of_too_much_is_one_line(folder: Path) -> None:
    def many_rows() -> None:
        home = last_round(cell(folder))
        path, result = home / "metrics.csv", rundir.read_sealed(home / "result.json")
        path.write_text("env_steps,predicted,utility,evaluator_score,labels\n" + "1,1,1,1,1\n" * 50_001)
        rundir.write_sealed(
            home / "result.json", {**result, "files": {**result["files"], path.name: rundir.digest(path)}}
        )

    def many_conditions() -> None:
        _changed(folder, lambda content: content["order"].extend(map(str, range(501))))

    def many_seeds() -> None:
        def seeds(content: dict[str, Any]) -> None:
            content["conditions"]["unaided"]["seeds"] *= 10_001

        _changed(folder, seeds)

    def many_keys() -> None:
        path = folder / "experiment.json"
        tree = json.loads(path.read_text())
        tree["conditions"]["unaided"]["env_settings"] = dict.fromkeys(map(str, range(50_001)), 0)
        rundir.write_json(path, tree)
        _changed(folder, lambda content: content.update(configuration=rundir.fingerprint(tree)))

    for damage, message in (
        (many_rows, r"metrics\.csv: ValueError: holds more than 50,000 rows"),
        (many_seeds, r"summary\.json: conditions\.unaided: seeds holds more than 10,000"),
        (many_conditions, r"summary\.json: order holds 504 conditions, more than 500"),
    ):
        damage()
        with pytest.raises(DamagedFileError, match=message):
            report.build(folder)
    many_keys()
    with pytest.raises(RRMError, match=r"experiment\.json: holds too much"):
        configuration(folder)


# --- A run that was stopped -------------------------------------------------------------------------------------------


class Asked:
    """An evaluator that counts what it is asked for labels."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.last = plan(conditions()["unaided"].model_copy(update={"evaluator": self.judge}), 0)

    def judge(self, clip: Clip) -> float:
        if clip.streams == self.last.streams.part(Purpose.LABELS):
            self.numbers.append(clip.number)
        return clip.view["at"]


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> tuple[Asked, Path]:
    """A round that was stopped after two rollouts, as a killed process leaves it."""
    asked, folder = Asked(), tmp_path_factory.mktemp("half")
    copy, stop = folder / "copy", stop_after(2)

    def tell(each: Any, row: Any) -> None:
        try:
            stop(each, row)
        except BaseException:
            shutil.copytree(folder / asked.last.name, copy / asked.last.name)
            raise

    stopped(asked.last, folder, tell)
    return asked, copy


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, half: tuple[Asked, Path]) -> dict[str, Any]:
    """What the round leaves that nobody stopped."""
    folder = tmp_path_factory.mktemp("whole")
    train(half[0].last, folder)
    return left_by(half[0].last, folder)


STOPPED = ("checkpoint.json", "checkpoint-000002.safetensors", "round.json", "labels.sqlite")


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("file", STOPPED)
def test_a_stopped_round_names_what_is_damaged_and_the_advice_loses_no_label(
    half: tuple[Asked, Path], whole: dict[str, Any], tmp_path: Path, file: str, how: str
) -> None:
    asked, copy = half
    home = shutil.copytree(copy, tmp_path / "rounds") / asked.last.name
    if (file, how) in (("checkpoint.json", "gone"), ("round.json", "gone")):
        pytest.skip("nobody can know that it was there; the round starts anew, and asks nothing again")
    known = set(_numbers(home))
    damage(home / file, how)
    with pytest.raises(RRMError) as error:
        train(asked.last, home.parent)
    message = str(error.value)
    assert file in message and "\n" not in message and "remove" not in message
    if file == "labels.sqlite":
        return
    assert f"move {home / ('round.json' if file == 'round.json' else 'checkpoint.json')} " in message
    if how not in ("cut", "folder"):
        return  # the advice is the same
    (tmp_path / "away").mkdir()
    for path in home.glob("round.json" if file == "round.json" else "checkpoint*"):
        path.rename(tmp_path / "away" / path.name)
    asked.numbers.clear()
    train(asked.last, home.parent)
    assert not known & set(asked.numbers), "asked again"
    left = {name: content for name, content in left_by(asked.last, home.parent).items() if "/checkpoint" not in name}
    assert left == whole


def _numbers(home: Path) -> list[int]:
    copy = home.with_name("copy of the store")
    shutil.copytree(home, copy)
    numbers = [row[0] for row in labels_in(copy / "labels.sqlite")]
    shutil.rmtree(copy)
    assert len(numbers) > 12
    return numbers


def test_answers_that_are_not_those_given_are_named(half: tuple[Asked, Path], tmp_path: Path) -> None:
    asked, copy = half
    home = shutil.copytree(copy, tmp_path / "rounds") / asked.last.name
    with sqlite3.connect(home / "labels.sqlite") as db:
        db.execute("update answers set answer = answer + 1 where number = 3")
    db.close()
    with pytest.raises(DamagedFileError, match=r"labels\.sqlite: its first \d+ answers are not those that were given"):
        train(asked.last, home.parent)


def test_following_the_advice_on_a_finished_round_asks_nothing_again(whole: dict[str, Any], tmp_path: Path) -> None:
    asked = Asked()
    train(asked.last, tmp_path / "rounds")
    home = tmp_path / "rounds" / asked.last.name
    damage(home / "agent.safetensors", "cut")
    message = refused(lambda: train(asked.last, home.parent), home / "agent.safetensors")
    assert f"move {home / 'result.json'} away" in message
    (home / "result.json").rename(tmp_path / "away")
    asked.numbers.clear()
    train(asked.last, home.parent)
    assert not asked.numbers
    assert left_by(asked.last, home.parent) == whole

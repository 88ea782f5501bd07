"""Demonstrations: what is in the file, that it is checked, and that a reward model starts from it."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rrm
from rrm.config.load import load
from rrm.distill.random_play import random_play
from rrm.distill.reward_modeling.distiller import RewardModeling
from rrm.envs.adapters import make_world
from rrm.envs.world import Array, World
from rrm.errors import ConfigError
from rrm.feedback.demonstrations import read
from rrm.feedback.recorder import Recorder
from rrm.rounds.plan import plan
from tests.helpers.judging import rightwards
from tests.helpers.tiny import LINE, RIGHT, VECTOR_LINE, Line
from tests.helpers.training import begin, conditions, labels_in, left_by, modeling, stop_after, stopped, train

COMPARED = "task.label_type=comparisons"


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rrm.demonstrate(tmp_path_factory.mktemp("demos") / "demos.npz", LINE, "honest", episodes=12, seed=5)


def rewritten(source: Path, target: Path, **arrays: Any) -> Path:
    """The same file with other arrays; None leaves one out."""
    with np.load(source) as file:
        content = {**{name: file[name] for name in file.files}, **arrays}
    with target.open("wb") as out:
        np.savez(out, **{name: array for name, array in content.items() if array is not None})
    return target


# The file


def test_it_holds_what_was_done_and_nothing_else(demos: Path) -> None:
    with np.load(demos, allow_pickle=False) as file:
        assert sorted(file.files) == ["actions", "lengths", "observations", "world"] and file["world"] == Line(1).name
        assert file["lengths"].tolist() == [9] * 12 and file["actions"].shape == (96,)
        assert file["observations"].shape == (108, Line(1).layout.size)
    recorded = read(str(demos), Line(1))
    assert len(recorded.inputs(False, 0)[0]) == 96


def test_a_file_that_does_not_name_its_world_is_read(demos: Path, tmp_path: Path) -> None:
    assert len(read(str(rewritten(demos, tmp_path / "other.npz", world=None)), Line(1)).actions) == 96


def test_a_person_an_agent_or_a_script_can_make_one(tmp_path: Path) -> None:
    """Whoever is called with the world and says what to do; the same actions make the same file."""
    asked: list[int] = []

    def person(world: World) -> list[int]:
        asked.append(world.n)
        return [int(world.script("honest")[0])]

    for name, act in (("script", "honest"), ("person", person)):
        rrm.demonstrate(tmp_path / name, VECTOR_LINE, act, episodes=3)
    assert (tmp_path / "script").read_bytes() == (tmp_path / "person").read_bytes()
    with np.load(tmp_path / "script") as file:
        assert set(asked) == {1} and len(asked) == (file["lengths"] - 1).sum()
    last = plan(conditions()["oracle"], 0)
    train(last, tmp_path)
    rrm.demonstrate(tmp_path / "agent", LINE, rrm.load_agent(tmp_path / last.name), episodes=2)
    assert len(read(str(tmp_path / "agent"), Line(1)).lengths) == 2


@pytest.mark.parametrize("settings", [{}, {"cells": 9}])
def test_moments_are_those_that_a_recorder_records(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Of states, of segments and of actions, side by side with play that is recorded."""
    path = str(rrm.demonstrate(tmp_path / "demos.npz", LINE, "honest", 1, seed=3, **settings))
    for of_actions in (False, True):
        for segment in (0, 3):
            world = make_world(LINE, 1, **settings)
            recorder = Recorder(world, of_actions, segment)
            world.reset(np.array([0]), np.random.default_rng(3))
            recorder.started(world, np.array([0]))
            recorder.choose(world.length, world.length, np.random.default_rng(0))
            for _ in range(world.length):
                actions = world.script("honest")
                recorder.stepped(world, actions, world.step(actions))
            taken = recorder.recorded()
            inputs, times = read(path, world).inputs(of_actions, segment)
            np.testing.assert_array_equal(inputs, taken.observations)
            assert times.tolist() == taken.times.tolist()


def test_segments_go_on_beyond_an_early_end_and_no_further(tmp_path: Path) -> None:
    path = str(rrm.demonstrate(tmp_path / "demos.npz", VECTOR_LINE, "honest", episodes=4))
    world = make_world(VECTOR_LINE, 1)
    recorded = read(path, world)
    assert (recorded.lengths - 1 < world.length).all()
    segments, times = recorded.inputs(False, 5)
    assert segments.shape == ((recorded.lengths - 1).sum(), 5, world.layout.size) and times.min() == 5
    assert (segments[recorded.lengths[0] - 2] == segments[recorded.lengths[0] - 2, -1]).all(), (
        "the last one of the first"
    )
    whole = read(str(rrm.demonstrate(tmp_path / "whole.npz", LINE, "honest", episodes=4)), Line(1))
    assert len(whole.inputs(False, 5)[0]) == 4 * (Line(1).length - 4)
    with pytest.raises(ConfigError, match=r"whole.npz': no episode has the 9 steps of a segment \(distill.segm"):
        whole.inputs(False, 9)


class Trap:
    """Does something when it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return print, ("executed",)


WRONG: dict[str, dict[str, Any]] = {
    "holds 'observations', 'actions', 'world'; must hold observations, actions, lengths alone": {"lengths": None},
    "holds 'observations', 'actions', 'lengths', 'world', 'utility'; must": {"utility": np.zeros(108)},
    "world: 'Rooms': must be 'Corridor', in which it is to be used": {"world": np.array("Rooms")},
    "world: '3': must be 'Corridor'": {"world": np.array(3)},
    "observations: float32 (108, 14); must be numbers (m, 15), as Corridor observes": {
        "observations": np.zeros((108, 14), "f4")
    },
    "observations: float64 (); must be numbers": {"observations": np.array(3.0)},
    "observations: <U1 (108, 15); must be numbers": {"observations": np.full((108, 15), "x")},
    "observations: must be finite": {"observations": np.full((108, 15), np.nan)},
    "observations: must be finite in float32": {"observations": np.full((108, 15), 1e300)},
    "lengths: uint64 (2,); must be": {"lengths": np.array([2**64 - 10, 118], np.uint64)},
    "lengths: int64 (1,); must be whole numbers of at least 2 that add up to 108": {"lengths": np.array([107])},
    "lengths: int64 (2,); must be": {"lengths": np.array([1, 107])},
    "lengths: float64 (1,); must be": {"lengths": np.array([108.0])},
    "lengths: int64 (); must be": {"lengths": np.array(108)},
    "actions: int64 (95,); must be 96 actions of Corridor, Discrete(3)": {"actions": np.zeros(95, int)},
    "actions: int64 (96,); must be 96": {"actions": np.full(96, 3)},
    "actions: float64 (96,); must be 96": {"actions": np.zeros(96)},
    "is not an npz file of numbers: Object arrays cannot be loaded": {"lengths": np.array([Trap()])},
}


@pytest.mark.parametrize("reason", WRONG)
def test_what_is_wrong_is_said_in_one_line(
    demos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], reason: str
) -> None:
    path = rewritten(demos, tmp_path / "wrong.npz", **WRONG[reason])
    with pytest.raises(ConfigError) as caught:
        plan(conditions(COMPARED, distill={"demonstrations": str(path)})["unaided"], 0)
    message = str(caught.value)
    assert message.startswith(f"distill.demonstrations: {str(path)!r}: {reason}") and "\n" not in message
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps(Trap()), b"PK\3\4" + bytes(40), b"\x93NUMPY\1\0"])
def test_what_is_no_such_file_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "demos.npz"
    path.write_bytes(content)
    message = r"^distill.demonstrations: '.*demos.npz': is not an npz file of numbers: "
    with pytest.raises(ConfigError, match=message) as caught:
        plan(conditions(COMPARED, distill={"demonstrations": path})["unaided"], 0)
    assert "\n" not in str(caught.value) and "executed" not in capsys.readouterr().out
    path.unlink()
    with pytest.raises(ConfigError, match=r"demos.npz': No such file or directory"):
        plan(conditions(COMPARED, distill={"demonstrations": path})["unaided"], 0)


def test_scores_cannot_start_from_them(demos: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        conditions(distill={"demonstrations": str(demos)})
    right = "are preferred to play: needs task.label_type of 'comparisons'"
    assert str(caught.value) == f"distill.demonstrations: {str(demos)!r}: {right}"
    conditions("conditions.unaided.reward=true", distill={"demonstrations": None})


# What a reward model makes of them


def begun(folder: Path, demonstrations: Path | None, *overrides: str) -> RewardModeling:
    """A round whose reward model knows the demonstrations, and no label."""
    judge = rightwards if "reward=approval" in overrides else "bounded"
    last = plan(
        conditions(COMPARED, *overrides, distill={"demonstrations": demonstrations}, evaluator=judge)["unaided"], 0
    )
    round_ = begin(last, folder)
    round_._demonstrate(random_play(round_.context, round_.training.world, round_.rng, round_.settings.segment))
    round_._fit(300)
    assert round_.context.labels.cost().labels == 0
    return round_


def unseen(act: Any, at: int, n: int = 200) -> Array:
    """Where fresh episodes of ``act`` are after so many steps: observations (n, d)."""
    world = Line(n)
    world.reset(np.arange(n), np.random.default_rng(99))
    for _ in range(at):
        world.step(act(world))
    return world.observe()


def wandering(seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return lambda world: rng.integers(3, size=world.n)


@pytest.mark.parametrize("target", ["state", "segment"])
def test_before_any_label_it_ranks_demonstrated_states_above_random_ones(
    demos: Path, tmp_path: Path, target: str
) -> None:
    """Ends of episodes that it has never seen: in how many pairs of a demonstrated one and a random
    one the former has the higher V, whether the goal is where the evaluator takes it to be (the right) or not."""
    more = (f"distill.label_target={target}", "distill.segment_length=3", "task.initial_labels=30")
    model = begun(tmp_path, demos, *more).model
    honest, wild = unseen(lambda world: world.script("honest"), 8), unseen(wandering(), 8)
    for goal in (0, 6):
        one, other = (model.values(states[states[:, 7 + goal] == 1]) for states in (honest, wild))
        assert (one[:, None] > other[None]).mean() > 0.8


@pytest.mark.parametrize("what", ["none", "random play"])
def test_without_them_it_ranks_nothing(tmp_path: Path, what: str) -> None:
    """Without demonstrations V is the same everywhere. Of those of random play: no better than chance."""
    path = None
    if what == "random play":
        path = rrm.demonstrate(tmp_path / "random.npz", LINE, wandering(3), episodes=200)
    model = begun(tmp_path, path, "task.labels=100", "task.initial_labels=100").model
    one, other = model.values(unseen(wandering(1), 8)), model.values(unseen(wandering(2), 8))
    if path is None:
        assert not one.any() and not other.any()
    else:
        assert abs((one[:, None] > other[None]).mean() - 0.5) < 0.1


def test_each_is_paired_with_play_as_far_into_its_episode(demos: Path, tmp_path: Path) -> None:
    """Ends with ends, where it is of states what is accomplished; elsewhere moments from all over an episode."""
    for kind in (["distill.label_target=segment", "distill.segment_length=3"], ["reward=approval"], []):
        shown = begun(tmp_path / f"{kind}", demos, "task.initial_labels=20", *kind).data.demonstrated
        time = shown[..., Line(1).layout.size - 1]  # t/T
        assert shown.shape[:2] == (20, 2)
        np.testing.assert_array_equal(time[:, 0], time[:, 1])
        assert len(np.unique(time)) > 3 if kind else (time == 1).all()


# Rounds


def test_they_are_no_labels_and_survive_an_interruption(demos: Path, tmp_path: Path) -> None:
    """The evaluator is asked as often as without them, and at first about the same."""
    lasts = [plan(conditions(COMPARED, distill={"demonstrations": path})["unaided"], 0) for path in (demos, None)]
    (seeded,), (plain,) = (train(last, tmp_path / "whole") for last in lasts)
    assert lasts[0].name != lasts[1].name
    assert seeded["labels"] == plain["labels"] == lasts[0].round.labels
    assert (seeded["demonstrated"], plain["demonstrated"]) == (lasts[0].round.initial_labels, None)
    first = [labels_in(tmp_path / "whole" / last.name / "labels.sqlite")[: last.round.initial_labels] for last in lasts]
    assert first[0] == first[1]
    for rows in (1, 2):
        stopped(lasts[0], tmp_path / "parts", stop_after(rows))
    train(lasts[0], tmp_path / "parts")
    assert left_by(lasts[0], tmp_path / "parts") == left_by(lasts[0], tmp_path / "whole")


def test_a_round_is_named_by_what_the_file_holds(demos: Path, tmp_path: Path) -> None:
    """Not by where it lies; and rounds without any are named as they were before there were demonstrations."""
    copy = tmp_path / "elsewhere.npz"
    copy.write_bytes(demos.read_bytes())
    other = rrm.demonstrate(tmp_path / "other.npz", LINE, lambda world: np.full(world.n, RIGHT), episodes=12)
    names = [
        plan(conditions(COMPARED, distill={"demonstrations": path})["unaided"], 0).name for path in (demos, copy, other)
    ]
    assert names[0] == names[1] != names[2]
    assert "demonstrations" not in json.dumps(plan(conditions(COMPARED)["unaided"], 0).content)


def test_they_are_of_the_task_alone_and_the_oracle_needs_none(demos: Path) -> None:
    loaded = conditions(COMPARED, distill={"demonstrations": demos})
    assisted, oracle = plan(loaded["assisted"], 0), plan(loaded["oracle"], 0)
    settings = modeling(assisted.condition)
    assert [settings.demonstrations_at(level) for level in (0, 1)] == [str(demos), None]
    assert modeling(oracle.condition).demonstrations_at(0) is None
    assert oracle.name == plan(conditions(COMPARED)["oracle"], 0).name


def test_the_preset_brings_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From anywhere, also where a file has the same name. The page makes the same file, and few.yaml is the preset."""
    monkeypatch.chdir(tmp_path)
    Path("honest_cleaner.npz").write_bytes(b"of somebody else")
    preset = load("demonstrations").conditions
    shipped = Path(str(modeling(preset["seeded"]).demonstrations))
    assert shipped.is_absolute() and modeling(preset["plain"]).demonstrations is None
    page = (Path(__file__).resolve().parents[2] / "docs" / "demonstrations.md").read_text(encoding="utf-8")
    python, *_ = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    exec(python, {})
    with np.load("honest.npz") as made, np.load(shipped) as kept:
        assert all(np.array_equal(made[name], kept[name]) for name in {*made} | {*kept})
    Path("honest.npz").write_bytes(shipped.read_bytes())  # zlib's compressions differ, and files go by their bytes
    few = next(each for each in re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S) if "few.yaml" in each)
    Path("few.yaml").write_text(few, encoding="utf-8")
    written = load("few.yaml").conditions
    assert {name: plan(each, 0).name for name, each in written.items()} == {
        name: plan(each, 0).name for name, each in preset.items()
    }


def test_the_page_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).resolve().parents[2] / "docs" / "demonstrations.md").read_text(encoding="utf-8")
    blocks = {kind: re.findall(rf"^```{kind}\n(.*?)^```$", page, re.M | re.S) for kind in ("python", "yaml", "sh")}
    names: dict[str, Any] = {}
    exec("\n".join(blocks["python"]), names)
    Path("shown.yaml").write_text(blocks["yaml"][0], encoding="utf-8")
    loaded = load(blocks["sh"][0].split()[-1]).conditions
    assert modeling(loaded["unaided"]).demonstrations == "honest.npz" and plan(loaded["oracle"], 0)
    monkeypatch.setattr("builtins.input", lambda prompt: "1")
    rrm.demonstrate("person.npz", "rrm/TidyRoomsSmall-v0", names["person"], episodes=1, rugs=0)
    with np.load("person.npz") as file:
        assert (file["actions"] == 1).all()

"""What must not be known: the truth by whoever learns, the state by whoever judges, the hidden by the unaided view."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrm.agents.assistants import Assistant, Script
from rrm.agents.vec_env import WorldVecEnv
from rrm.amplify.overseer import Overseer
from rrm.envs.adapters import unaided
from rrm.envs.families.tidy_rooms import TidyInspection, TidyRooms
from rrm.envs.families.tidy_rooms.floorplan import HIDDEN, RUG
from rrm.envs.families.tidy_rooms.room import TidyWorld
from rrm.envs.readings import everyone, started, wander
from rrm.envs.world import Bools, Floats, World
from rrm.evaluators import Function
from rrm.feedback.clips import Clip
from rrm.rounds.plan import plan
from tests.helpers.judging import some_clips, visible
from tests.helpers.tiny import Line, LineInspection
from tests.helpers.training import ROOMS, SHORT, conditions, labels_in, train

ROOT = Path(__file__).parents[2]
TRUTH = ("utility", "hacked")


# The truth


def truth_is(
    monkeypatch: pytest.MonkeyPatch, utility: Callable[[World], Floats], hacked: Callable[[World], Bools]
) -> None:
    for world in (TidyRooms, TidyWorld, TidyInspection, Line, LineInspection):
        for name, lie in (("utility", utility), ("hacked", hacked)):
            if name in vars(world):
                monkeypatch.setattr(world, name, lie)


def garbage(world: World) -> Floats:
    return np.random.default_rng().normal(size=world.n) * 1e6


def a_lie(world: World) -> Floats:
    return np.full(world.n, 7.25)


def always(world: World) -> Bools:
    return np.ones(world.n, np.bool_)


def never(world: World) -> Bools:
    return np.zeros(world.n, np.bool_)


def learnt(folder: Path, name: str, env: str, **settings: Any) -> dict[str, Any]:
    """What the rounds of a condition have learnt, and been told."""
    condition = conditions(**settings)[name]
    last = plan(condition.model_copy(update={"env": env}), 0)
    train(last, folder)
    learned: dict[str, Any] = {}
    for each in (*last.needed(), last):
        home = folder / each.name
        for file in ("agent.safetensors", "agent.json", "reward.safetensors", "reward.json"):
            learned[f"{each.name}/{file}"] = (home / file).read_bytes()
        learned[f"{each.name}/labels"] = labels_in(home / "labels.sqlite")
        rows = [line.split(",") for line in (home / "metrics.csv").read_text().splitlines()]
        kept = [i for i, column in enumerate(rows[0]) if column not in ("utility", "hack_rate")]
        assert len(kept) == len(rows[0]) - 2
        learned[f"{each.name}/metrics"] = [[row[i] for i in kept] for row in rows]
    return learned


SEMI_SUPERVISED = {
    "distill": {**SHORT["distill"], "unlabelled": "control_variate", "optimism": 0},
    "task": {**SHORT["task"], "query_strategy": "uniform"},
}


@pytest.mark.parametrize(
    ("name", "env", "settings"),
    [
        ("unaided", ROOMS, {}),
        ("assisted", ROOMS, {}),
        ("ideal", ROOMS, {}),
        ("unaided", ROOMS, {"reward": "broad"}),
        ("unaided", ROOMS, SEMI_SUPERVISED),
        ("unaided", ROOMS, {"reward": "approval", "evaluator": "tests.helpers.judging:visible"}),
    ],
)
def test_nothing_that_learns_knows_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, env: str, settings: dict[str, Any]
) -> None:
    """Bit for bit the same agents, reward models and labels, whatever the truth; only metrics that show it differ."""
    honest = learnt(tmp_path / "honest", name, env, **settings)
    truth_is(monkeypatch, garbage, always)
    assert learnt(tmp_path / "garbage", name, env, **settings) == honest


def test_the_oracle_does_know_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the test above would show nothing."""

    def weights(folder: Path) -> bytes:
        last = plan(conditions()["oracle"], 0)
        train(last, folder)
        return (folder / last.name / "agent.safetensors").read_bytes()

    honest = weights(tmp_path / "honest")
    truth_is(monkeypatch, a_lie, never)
    assert weights(tmp_path / "lie") != honest


def test_judging_reads_no_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = some_clips(6)

    def forbidden(world: World) -> Any:
        raise AssertionError("the truth is read")

    truth_is(monkeypatch, forbidden, forbidden)
    overseer = Overseer(Function(visible), [Assistant(TidyInspection(1), Script("ideal"))])
    assert overseer.score(clips).shape == (6,)
    env = WorldVecEnv(TidyRooms(6))
    env.reset()
    for _ in range(40):
        env.step(np.zeros(6, np.int64))


def calls(path: Path) -> set[str]:
    """The names of the truth that a file reads as attributes, called or not, getattr included."""
    tree = ast.parse(path.read_text())
    read = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr in TRUTH}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
            read |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and arg.value in TRUTH}
    return read


def called(path: Path) -> bool:
    """Whether a file calls it: ``.utility(`` or ``.hacked(``."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return any(isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr in TRUTH for n in nodes)


SOURCES = sorted(path for room in ("rrm", "agents") for path in (ROOT / room).glob("**/*.py"))


def test_the_truth_is_read_in_two_places() -> None:
    """Metrics, and videos that show it to an audience. Files of rrm/envs are the worlds' own."""
    ours = [path for path in SOURCES if not {"envs", "configs"} & set(path.relative_to(ROOT).parts)]
    assert len(ours) > 20
    assert {path.relative_to(ROOT).as_posix() for path in ours if called(path)} <= {
        "rrm/distill/episode_metrics.py",
        "agents/video.py",
        "rrm/agents/video.py",
    }
    assert called(ROOT / "rrm/distill/episode_metrics.py")


TRAINS = (
    "amplify/judgment",
    "amplify/overseer",
    "amplify/skill",
    "distill/base",
    "distill/imitation/clone",
    "distill/imitation/dagger",
    "distill/imitation/distiller",
    "distill/imitation/measure",
    "distill/imitation/network",
    "distill/imitation/visits",
    "distill/queries",
    "distill/random_play",
    "distill/reward_modeling/distiller",
    "distill/reward_modeling/settings",
    "evaluators/__init__",
    "feedback/clips",
    "feedback/labeller",
    "feedback/labels",
    "feedback/recorder",
    "feedback/store",
    "feedback/tables",
    "rewards/ensemble",
    "rewards/functions",
    "rewards/networks",
    "rewards/wrappers",
)


@pytest.mark.parametrize("name", TRAINS)
def test_what_trains_does_not_so_much_as_name_it(name: str) -> None:
    assert calls(ROOT / f"rrm/{name}.py") == set()


@pytest.mark.parametrize("path", sorted((ROOT / "agents").rglob("*.py")), ids=lambda path: path.name)
def test_agents_do_not_so_much_as_name_it(path: Path) -> None:
    assert path.name == "video.py" or calls(path) == set()


# The hidden


def rehide(world: TidyRooms, rng: np.random.Generator) -> None:
    """Move what lies under rugs to other rugs, and out of the bin under rugs: nothing of that is visible."""
    for i in range(world.n):
        rugs = np.flatnonzero(world.board[i, RUG])
        gone = int(world.board[i, HIDDEN].sum()) + int(world.binned[i])
        hidden = int(rng.integers(gone + 1))
        world.board[i, HIDDEN] = 0
        np.add.at(world.board[i, HIDDEN], rng.choice(rugs, hidden), 1)
        world.binned[i] = gone - hidden


@given(seed=st.integers(0, 10**6), steps=st.integers(0, 20))
def test_what_is_hidden_changes_nothing_that_is_seen(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    first = started(TidyRooms, n=30, seed=seed, steps=steps)
    assert isinstance(first, TidyRooms)
    second = first.copies(30)
    second.load(first.save(everyone(first)), everyone(first))
    rehide(second, rng)
    one, two = WorldVecEnv(first), WorldVecEnv(second)
    one.resume()
    two.resume()
    for _ in range(first.length - steps - 1):  # to the last step but one: then new episodes start
        assert np.array_equal(first.view(), second.view())
        assert np.array_equal(unaided(first), unaided(second))
        actions = wander(first, rng)
        _, rewards, done, infos = one.step(actions)
        _, others, done_too, infos_too = two.step(actions)
        assert np.array_equal(rewards, others) and np.array_equal(done, done_too)
        assert infos == infos_too == [{}] * 30


def test_what_was_hidden_does_change_the_truth() -> None:
    """Or the test above would show nothing."""
    world = started(TidyRooms, n=30, seed=1, steps=25)
    assert isinstance(world, TidyRooms)
    before = world.utility()
    rehide(world, np.random.default_rng(2))
    assert not np.array_equal(before, world.utility())


# The state


@pytest.mark.parametrize("helped", [False, True])
def test_an_evaluator_gets_neither_state_nor_observation(helped: bool) -> None:
    shown: list[Clip] = []

    def judge(clip: Clip) -> float:
        shown.append(clip)
        return 0.0

    clips = some_clips(4)
    assert all(clip.state is not None and clip.observation is not None for clip in clips)
    Overseer(Function(judge), [Assistant(TidyInspection(1), Script("ideal"))] if helped else []).score(clips)
    allowed = {"number", "streams", "fields", "views", "actions", "evidence_fields", "evidence_values"}
    for clip, whole in zip(shown, clips, strict=True):
        assert {each.name for each in fields(clip) if getattr(clip, each.name) is not None} <= allowed
        assert clip.views.shape == (len(clip.actions) + 1, len(TidyRooms.fields))
        bases = [array.base for array in (clip.views, clip.actions, clip.evidence_values) if array is not None]
        assert not any(isinstance(base, World) for base in bases)
        state = {id(array) for array in (whole.state or {}).values()}
        assert not state & set(map(id, vars(clip).values()))


def test_an_evaluator_in_training_gets_neither(tmp_path: Path) -> None:
    shown: list[Clip] = []

    def judge(clip: Clip) -> float:
        shown.append(clip)
        return clip.view["at"]

    last = plan(conditions()["ideal"].model_copy(update={"evaluator": judge, "evaluation_labels": 20}), 0)
    train(last, tmp_path)
    assert len(shown) == last.round.labels + 20
    assert all(clip.state is None and clip.observation is None for clip in shown)


def test_no_family_is_named() -> None:
    families = {"TidyRooms", "TidyWorld", "TidyInspection", "tidy_rooms"}
    for path in SOURCES:
        if {"envs", "configs"} & set(path.relative_to(ROOT).parts):
            continue
        tree = ast.parse(path.read_text())
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        named |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        named |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {name for name in named if name.rpartition(".")[2] in families}, path

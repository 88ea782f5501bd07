"""No truth in what learns, in any family: the tests of ``test_leaks`` for every one that is registered, and beyond."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rrm.envs
from rrm.config.load import load
from rrm.envs.adapters import make_world
from rrm.envs.check import check_hidden
from rrm.envs.world import Bools, Floats, World
from rrm.rounds.plan import plan
from tests.helpers.foreign import Walk
from tests.helpers.training import labels_in, train


def families() -> dict[str, str]:
    """An id of each registered family, by its class: of the worlds that evaluate no other one, the first by name."""
    worlds = {name: make_world(name, 1) for name in sorted(rrm.envs.ids()) if name.startswith("rrm/")}
    levels = [each.evaluation(level, 1) for each in worlds.values() for level in range(1, each.depth + 1)]
    below = {type(each) for each in levels}
    id_of: dict[str, str] = {}
    for name, world in worlds.items():
        if type(world) not in below:
            id_of.setdefault(type(world).__name__, name)
    return id_of


FAMILIES = families()

BRIEF: dict[str, Any] = {
    "seeds": 1,
    "episodes": 20,
    "amplify": {"start_states": "world"},
    "task": {"steps": 800, "labels": 16, "initial_labels": 10},
    "assistant": {"steps": 800, "labels": 16, "initial_labels": 10},
    "learner": {"num_envs": 16, "n_steps": 8, "batch_size": 64, "n_epochs": 1},
    "distill": {"ensemble_size": 2, "hidden": 8, "fit_steps": 4},
}

TRUTH = ("utility", "hack_rate")


def worlds(kind: type[World] = World) -> Iterator[type[World]]:
    """Every class of worlds that there is."""
    for each in kind.__subclasses__():
        yield each
        yield from worlds(each)


def noise(world: World) -> Floats:
    return np.random.default_rng().normal(size=world.n) * 1e6


def random_hacks(world: World) -> Bools:
    return np.random.default_rng().random(world.n) < 0.5


def learnt(folder: Path, env: Any, settings: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """All that the rounds of an assisted condition (unaided, where nobody can help) have learnt and been told; and the
    truth that was reported beside it."""
    loaded = load({**BRIEF, "env": env, **settings}).conditions
    last = plan(loaded.get("assisted", loaded["unaided"]), 0)
    train(last, folder)
    learned: dict[str, Any] = {}
    utilities: list[Any] = []
    for each in (*last.needed(), last):
        home = folder / each.name
        for file in ("agent.safetensors", "agent.json", "reward.safetensors", "reward.json"):
            learned[f"{each.name}/{file}"] = (home / file).read_bytes()
        learned[f"{each.name}/labels"] = labels_in(home / "labels.sqlite")
        header, *rows = [line.split(",") for line in (home / "metrics.csv").read_text().splitlines()]
        kept = [i for i, column in enumerate(header) if column not in TRUTH]
        assert len(kept) == len(header) - len(TRUTH)
        learned[f"{each.name}/metrics"] = [[row[i] for i in kept] for row in rows]
        utilities.append([row[header.index("utility")] for row in rows])
    return learned, utilities


CASES: list[Any] = [pytest.param(name, {}, id=kind) for kind, name in FAMILIES.items()]
CASES += [pytest.param(Walk, {"env_settings": help_}, id=f"foreign {[*help_]}") for help_ in ({}, {"look_ahead": 3})]


@pytest.mark.parametrize(("env", "settings"), CASES)
def test_nothing_that_learns_knows_the_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: Any, settings: dict[str, Any]
) -> None:
    """Byte for byte the same agents, reward models, labels and metrics where the truth is noise."""
    honest, true_utilities = learnt(tmp_path / "honest", env, settings)
    for kind in worlds():
        for name, lie in (("utility", noise), ("hacked", random_hacks)):
            if name in vars(kind) and kind is not World:
                monkeypatch.setattr(kind, name, lie)
    garbage, lied = learnt(tmp_path / "garbage", env, settings)
    assert garbage == honest
    assert all(one != other for one, other in zip(true_utilities, lied, strict=True)), "the lie was not told"


def test_every_family_trains_an_assistant_if_it_can() -> None:
    """Or the test above would say little of them."""
    helped = {name for kind, name in FAMILIES.items() if make_world(name, 1).depth}
    assert len(FAMILIES) >= 8 and len(helped) >= 6
    for name in helped:
        assert plan(load({**BRIEF, "env": name}).conditions["assisted"], 0).below, name


@pytest.mark.parametrize("name", FAMILIES.values(), ids=FAMILIES)
def test_what_is_hidden_reaches_neither_view_nor_reward(name: str) -> None:
    world = make_world(name, 1)
    if type(world).resample_hidden is World.resample_hidden:
        assert not world.depth, "a family whose evaluator can be helped hides something, and has a resample_hidden"
    else:
        check_hidden(lambda n: make_world(name, n))

"""The evaluator is bounded, whoever it is: a search for the truth in what a clip shows beyond the view it judges."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

import rrm.envs
from rrm.agents.vec_env import WorldVecEnv
from rrm.config.load import load
from rrm.distill.random_play import random_play
from rrm.envs.adapters import make_world
from rrm.envs.families.audit_tree import AuditTree
from rrm.envs.families.foresight import Foresight
from rrm.envs.families.sorting_network import SortingNetwork
from rrm.envs.families.staged_crisis import StagedCrisis
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.readings import everyone
from rrm.envs.spaces import random_actions
from rrm.envs.world import Floats, World
from rrm.errors import ConfigError
from rrm.feedback.clips import Clip
from rrm.feedback.recorder import Recorder
from rrm.rounds.plan import plan
from tests.helpers.judging import STREAMS
from tests.helpers.training import begin, conditions

IDS = sorted(name for name in rrm.envs.ids() if name.startswith("rrm/"))

PERMUTATIONS = 40


def played(world: World, of_actions: bool = False, seed: int = 0) -> tuple[list[Clip], dict[str, Floats]]:
    """The clips of every moment of an episode in each copy, as evaluators get them, and the truth about each.

    A copy follows one of the world's scripts (hacking, honest, ideal, …) or none; always, mostly or half of the time.
    """
    rng, n = np.random.default_rng(seed), world.n
    recorder = Recorder(world, of_actions)
    world.reset(everyone(world), rng)
    recorder.started(world, everyone(world))
    script, faith = rng.integers(len(world.scripts) + 1, size=n), rng.choice([0.5, 0.9, 1.0], n)
    clips: list[Clip] = []
    utility, hacked = [], []
    going_on = everyone(world)
    while len(going_on):
        actions = random_actions(world.action_space, n, rng)
        for i, name in enumerate(world.scripts):
            actions = np.where((script == i) & (rng.random(n) < faith), world.script(name), actions)
        done = world.step(actions)
        recorder.stepped(world, actions, done)
        candidates = recorder.candidates(world, going_on)
        clips += [candidates.clip(i, 0, STREAMS).shown() for i in range(len(candidates))]
        utility.append(world.utility()[going_on])
        hacked.append(world.hacked()[going_on].astype(np.float64))
        going_on = going_on[~done[going_on]]
    return clips, {"utility": np.concatenate(utility), "hacked": np.concatenate(hacked)}


def beyond(clip: Clip, actions: int) -> Floats:
    """What a clip shows beyond the view judged, as numbers: how much of it there is, its sums, its last parts."""
    before = clip.views[:-1]
    counts = np.bincount(clip.actions.astype(np.intp), minlength=actions)
    last = before[-1] if len(before) else np.zeros(len(clip.fields))
    return np.array([len(before), len(clip.actions), *before.sum(axis=0), *(before**2).sum(axis=0), *last, *counts])


def explained(clips: list[Clip], truth: Floats, actions: int) -> tuple[float, float]:
    """How much of the truth a regression on ``beyond`` explains among clips of equal view, from 0 to 1; and the most
    that it explains where the clips of equal view have been exchanged, so that there is nothing to be found."""
    rng = np.random.default_rng(0)
    extra = np.stack([beyond(clip, actions) for clip in clips])
    _, group = np.unique(np.stack([clip.views[-1] for clip in clips]), axis=0, return_inverse=True)
    group = group.reshape(-1)

    def within(values: Floats) -> Floats:
        """The deviations from the means of the groups."""
        sums = np.zeros((group.max() + 1, values.shape[1]))
        np.add.at(sums, group, values)
        deviations: Floats = values - (sums / np.bincount(group)[:, None])[group]
        return deviations

    wanted, given = within(truth[:, None])[:, 0], within(extra)
    given = given[:, given.std(axis=0) > 1e-9]
    if not given.size or wanted.std() < 1e-9:
        return 0.0, 0.0

    def share(known: Floats) -> float:
        left = wanted - known @ np.linalg.lstsq(known, wanted, rcond=None)[0]
        return float(1 - (left @ left) / (wanted @ wanted))

    place = np.argsort(group, kind="stable")
    chance = []
    for _ in range(PERMUTATIONS):
        exchanged = np.empty_like(given)
        exchanged[place] = given[np.lexsort((rng.random(len(group)), group))]
        chance.append(share(exchanged))
    return share(given), max(chance)


def leaks(world: World, of_actions: bool = False) -> dict[str, bool]:
    """Whether clips of the world tell more about the truth than the view judged does."""
    clips, truth = played(world, of_actions)
    shares = {name: explained(clips, values, int(world.actions)) for name, values in truth.items()}
    return {name: share > chance + 0.01 for name, (share, chance) in shares.items()}


def copies(name: str) -> int:
    """Fewer of long episodes: some 4,000 clips of each world."""
    return max(40, min(600, 4000 // make_world(name, 1).length))


@pytest.mark.parametrize("name", IDS)
def test_a_clip_tells_no_more_than_the_view_judged(name: str) -> None:
    assert leaks(make_world(name, copies(name))) == {"utility": False, "hacked": False}


@pytest.mark.parametrize("name", IDS)
def test_where_actions_are_approved_of_the_last_one_tells_no_utility(name: str) -> None:
    """Wherever an evaluator of one's own may judge them, or else that is refused.

    It does tell a hack: who judges an action sees which one it was. The docs say so.
    """
    given = {"env": name, "reward": "approval", "evaluator": "tests.helpers.judging:visible"}
    if make_world(name, 1).approves:
        load({**given, "conditions": {"unaided": {}}})
        assert not leaks(make_world(name, copies(name)), of_actions=True)["utility"]
    else:
        with pytest.raises(ConfigError, match=r"does not show actions to its evaluator \(World.shows_actions\)\Z"):
            load({**given, "conditions": {"unaided": {}}})


@pytest.mark.parametrize("make", [AuditTree, Foresight, SortingNetwork, TidyRooms])
def test_where_no_actions_are_shown_the_last_one_would_tell_the_utility(make: type[World]) -> None:
    assert leaks(make(200), of_actions=True)["utility"]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (AuditTree, {"utility": True, "hacked": True}),
        (StagedCrisis, {"utility": False, "hacked": True}),  # the view shows all of the utility
        (TidyRooms, {"utility": True, "hacked": True}),
    ],
)
def test_the_search_finds_what_whole_clips_tell(
    monkeypatch: pytest.MonkeyPatch, make: type[World], expected: dict[str, bool]
) -> None:
    """Or the test above would show nothing."""
    world = make(100)
    monkeypatch.setattr(world, "shows_history", True)
    monkeypatch.setattr(world, "shows_actions", True)
    assert leaks(world) == expected
    monkeypatch.setattr(world, "shows_actions", False)
    assert any(leaks(world).values()), "the views alone tell it"


def test_the_utility_of_an_audited_accountant_can_no_longer_be_counted() -> None:
    clips, truth = played(AuditTree(50))
    counted = np.array([len(clip.actions) - 3 * clip.actions.sum() for clip in clips], np.float64)
    assert not counted.any() and truth["utility"].any()


def test_rooms_without_rugs_hide_nothing_and_show_all() -> None:
    world = TidyRooms(60, rugs=0)
    assert world.shows_history and world.shows_actions and not TidyRooms(1).shows_history
    clips, _ = played(world)
    assert max(len(clip.views) for clip in clips) == world.length + 1
    assert leaks(world) == {"utility": False, "hacked": False}


SHOWN = {"number", "streams", "fields", "views", "actions", "evidence_fields", "evidence_values"}
"""All that a clip is made of; for a field that is added, decide here whether evaluators may see it."""


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("of_actions", [False, True])
def test_what_a_clip_is_made_of(name: str, of_actions: bool) -> None:
    """The view judged; where actions are judged the last of them, and the view before it; in arrays of their own."""
    world = make_world(name, 3)
    for clip in played(world, of_actions)[0]:
        assert {each.name for each in fields(clip) if getattr(clip, each.name) is not None} <= SHOWN
        assert clip.views.shape == (1 + of_actions, len(world.fields)) and clip.actions.shape == (int(of_actions),)
        assert not clip.views.flags.writeable and not clip.actions.flags.writeable and clip.evidence is None


@pytest.mark.parametrize("of_actions", [False, True])
@pytest.mark.parametrize("shows", [False, True])
def test_a_segment_shows_no_more_than_a_moment(of_actions: bool, shows: bool) -> None:
    world = TidyRooms(4, rugs=2 * (not shows))
    env, recorder, rng = WorldVecEnv(world), Recorder(world, of_actions, segment=5), np.random.default_rng(0)
    env.observers.append(recorder)
    env.reset()
    recorder.choose(8, 32, rng)
    for _ in range(8):
        env.step(random_actions(world.action_space, 4, rng))
    taken = recorder.recorded()
    assert len(taken) == 16
    assert {len(views) for views in taken.views} == {6 if shows else 1 + of_actions}
    assert {len(actions) for actions in taken.actions} == {5 if shows else int(of_actions)}


def test_questions_are_asked_in_random_order(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is chosen first is what is rarest, seen or not: a question's number must not tell which that was."""
    asked: list[float] = []

    def judge(clip: Clip) -> float:
        asked.append(clip.view["at"])
        return 0.0

    last = plan(conditions("task.initial_labels=30")["unaided"].model_copy(update={"evaluator": judge}), 0)
    round_ = begin(last, tmp_path_factory.mktemp("round"))
    candidates = random_play(round_.context, round_.training.world, round_.rng, round_.settings.segment)
    by_place = np.argsort([views[-1, 0] for views in candidates.views], kind="stable")
    round_.queries.choose = lambda inputs, count, first: by_place[:count]  # type: ignore[method-assign]
    round_._ask(candidates, 30)
    round_.context.labels.close()
    assert len(asked) == 30 and len(set(asked)) > 1 and asked != sorted(asked)


@pytest.mark.parametrize(
    ("evaluator", "answers"),
    [
        ({"of": "bounded", "every": 2}, "scores"),
        ({"of": "bounded", "frames": 3}, "comparisons"),
        ({"of": "bounded", "myopia": 0.5}, "scores"),
        ({"of": "bounded", "mistake": 0.1}, "scores"),
        ({"of": {"of": "bounded", "every": 2}, "noise": 0.1}, "scores"),
        ({"committee": ["bounded", {"of": "bounded", "mistake": 0.1}]}, "scores"),
        ({"name": "teacher", "preset": "myopic"}, "comparisons"),
    ],
)
def test_who_looks_back_is_refused_where_nothing_is_shown(evaluator: dict[str, object], answers: str) -> None:
    given = {"evaluator": evaluator, "task": {"steps": 1700, "labels": 30, "initial_labels": 12, "label_type": answers}}
    with pytest.raises(ConfigError) as caught:
        plan(conditions(env="rrm/StagedCrisis-v0", **given)["unaided"], 0)
    assert str(caught.value).endswith("shows an evaluator nothing else (World.shows_history)")
    assert "\n" not in str(caught.value) and str(caught.value).startswith("evaluator: ")
    plan(conditions(**given)["unaided"], 0)  # the corridor shows it


@pytest.mark.parametrize(
    "evaluator", [{"of": "bounded", "mistake": 0.1, "noise": 0.2}, {"name": "teacher", "preset": "noisy"}]
)
def test_who_does_not_look_back_judges_any_world(evaluator: dict[str, object]) -> None:
    task = {"steps": 1700, "labels": 30, "initial_labels": 12, "label_type": "comparisons"}
    plan(conditions(env="rrm/StagedCrisis-v0", evaluator=evaluator, task=task)["unaided"], 0)

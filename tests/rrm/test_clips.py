"""Trajectories up to a moment: what the recorder keeps, what a clip is, and what an evaluator gets of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from rrm.agents.vec_env import WorldVecEnv
from rrm.envs.world import Array, Bools, Floats, Indices, State, World
from rrm.feedback.clips import Candidates, Clip, with_action
from rrm.feedback.recorder import Recorder
from rrm.streams import Streams
from tests.helpers.judging import STREAMS
from tests.helpers.tiny import Line


class Witness:
    """The brute-force way: each copy's whole episode so far, as lists; at each step a copy of all that there is."""

    def __init__(self, n: int) -> None:
        self.views: list[list[Floats]] = [[] for _ in range(n)]
        self.actions: list[list[int]] = [[] for _ in range(n)]
        self.steps: list[list[tuple[Floats, Array, Array, State]]] = []

    def started(self, world: World, which: Indices) -> None:
        for i in which:
            self.views[i], self.actions[i] = [world.view()[i]], []

    def stepped(self, world: World, actions: Array, done: Bools) -> None:
        now = []
        for i in range(world.n):
            self.views[i].append(world.view()[i])
            self.actions[i].append(int(actions[i]))
            one = np.array([i])
            now.append((np.array(self.views[i]), np.array(self.actions[i]), world.observe()[i], world.save(one)))
        self.steps.append(now)


def staged(n: int = 5, seed: int = 0) -> tuple[WorldVecEnv, Recorder, Witness]:
    env = WorldVecEnv(Line(n, ends_at_goal=True), seed=seed)
    recorder, witness = Recorder(env.world), Witness(n)
    env.observers += [recorder, witness]
    env.reset()
    return env, recorder, witness


def play(env: WorldVecEnv, steps: int, rng: np.random.Generator) -> None:
    for _ in range(steps):
        env.step(rng.integers(3, size=env.num_envs))


def assert_is(candidates: Candidates, i: int, expected: tuple[Floats, Array, Array, State]) -> None:
    views, actions, observation, state = expected
    np.testing.assert_array_equal(candidates.views[i], views)
    np.testing.assert_array_equal(candidates.actions[i], actions)
    np.testing.assert_array_equal(candidates.observations[i], observation)
    for name, array in state.items():
        np.testing.assert_array_equal(candidates.states[name][i : i + 1], array)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), rollouts=st.lists(st.integers(1, 12), min_size=1, max_size=4))
def test_taken_moments_are_the_episodes_up_to_them_across_rollouts(seed: int, rollouts: list[int]) -> None:
    env, recorder, witness = staged(seed=seed)
    rng = np.random.default_rng(seed)
    for steps in rollouts:
        witness.steps = []
        recorder.choose(steps, steps * env.num_envs, rng)  # all of them
        play(env, steps, rng)
        taken = recorder.recorded()
        assert len(taken) == steps * env.num_envs
        expected = [one for step in witness.steps for one in step]
        for i, one in enumerate(expected):
            assert_is(taken, i, one)


@pytest.mark.parametrize("resumed", [False, True])
def test_where_actions_are_judged_the_input_is_what_was_seen_before_and_what_was_done(resumed: bool) -> None:
    env = WorldVecEnv(Line(5, ends_at_goal=True), seed=0)
    recorder, rng = Recorder(env.world, of_actions=True), np.random.default_rng(0)
    env.observers.append(recorder)
    before, expected = np.asarray(env.reset()), []
    recorder.choose(20, 100, rng)
    for t in range(20):
        if resumed and t == 9:
            again = Recorder(env.world, of_actions=True)
            again.load_state(recorder.state())
            again._chosen, again._recorded = recorder._chosen, recorder._recorded
            env.observers, recorder = [again], again
        actions = rng.integers(3, size=5)
        expected.append(with_action(before, actions, spaces.Discrete(3)))
        before = np.asarray(env.step(actions)[0])
    np.testing.assert_array_equal(recorder.recorded().observations, np.concatenate(expected))


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), steps=st.integers(1, 10), candidates=st.integers(1, 60))
def test_choose_takes_so_many_distinct_moments(seed: int, steps: int, candidates: int) -> None:
    env, recorder, witness = staged(seed=seed)
    rng = np.random.default_rng(seed)
    play(env, 5, rng)
    witness.steps = []
    recorder.choose(steps, candidates, np.random.default_rng(1))
    play(env, steps, rng)
    taken = recorder.recorded()
    assert len(taken) == len(taken.actions) == len(taken.observations) == min(candidates, steps * env.num_envs)
    chosen = np.sort(np.random.default_rng(1).choice(steps * env.num_envs, size=len(taken), replace=False))
    everything = [one for step in witness.steps for one in step]
    for i, place in enumerate(chosen.tolist()):
        assert_is(taken, i, everything[place])


def test_choosing_is_uniform_over_steps_and_copies() -> None:
    env, recorder, _ = staged(n=4)
    times = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        env.reset()
        recorder.choose(2, 4, rng)
        play(env, 2, rng)
        times += [len(actions) for actions in recorder.recorded().actions]
    assert len(times) == 800 and 330 < times.count(1) < 470


def test_nothing_is_taken_after_the_chosen_steps_or_without_a_choice() -> None:
    env, recorder, _ = staged()
    rng = np.random.default_rng(0)
    play(env, 3, rng)
    recorder.choose(2, 10, rng)
    play(env, 6, rng)
    assert len(recorder.recorded()) == 10
    recorder.choose(3, 2, rng)
    recorder.choose(3, 7, rng)  # a new choice replaces the last
    play(env, 3, rng)
    assert len(recorder.recorded()) == 7


def test_the_first_moment_of_an_episode_has_no_actions() -> None:
    env, recorder, _ = staged(n=3)
    candidates = recorder.candidates(env.world, np.array([2, 0]))
    assert [len(actions) for actions in candidates.actions] == [0, 0]
    assert [views.shape for views in candidates.views] == [(1, 1), (1, 1)]
    np.testing.assert_array_equal(candidates.states["goal"], env.world.save(np.array([2, 0]))["goal"])


def test_what_was_taken_is_not_changed_by_what_happens_later() -> None:
    env, recorder, _ = staged()
    rng = np.random.default_rng(3)
    recorder.choose(4, 20, rng)
    play(env, 4, rng)
    taken = recorder.recorded()
    before = [taken.clip(i, i, STREAMS).digest() for i in range(len(taken))]
    play(env, 30, rng)
    assert [taken.clip(i, i, STREAMS).digest() for i in range(len(taken))] == before


def test_a_recorder_resumes_in_the_middle_of_episodes() -> None:
    env, recorder, _ = staged()
    rng = np.random.default_rng(4)
    play(env, 7, rng)
    state = recorder.state()
    resumed = Recorder(env.world)
    resumed.load_state(state)
    env.observers.append(resumed)
    for one in (recorder, resumed):
        one.choose(9, 45, np.random.default_rng(0))
    play(env, 9, rng)
    first, second = recorder.recorded(), resumed.recorded()
    assert [first.clip(i, i, STREAMS).digest() for i in range(45)] == [
        second.clip(i, i, STREAMS).digest() for i in range(45)
    ]
    for name, array in recorder.state().items():
        np.testing.assert_array_equal(array, resumed.state()[name])
    assert not np.array_equal(state["t"], recorder.state()["t"]), "the state is a copy"


def test_a_copy_whose_episode_is_over_stays_as_it_is() -> None:
    """Where nobody starts it again, a recorder may see more steps than an episode has."""
    world = Line(2, length=3)
    recorder = Recorder(world)
    world.reset(np.arange(2), np.random.default_rng(0))
    recorder.started(world, np.arange(2))
    for t in range(5):
        actions = np.full(2, 1 + (t > 2))
        recorder.stepped(world, actions, world.step(actions))
    candidates = recorder.candidates(world, np.arange(2))
    assert [actions.tolist() for actions in candidates.actions] == [[1, 1, 1]] * 2
    assert [len(views) for views in candidates.views] == [4, 4]


def test_moments_are_joined_in_order() -> None:
    env, recorder, _ = staged(n=3)
    parts = []
    for _ in range(3):
        play(env, 1, np.random.default_rng(0))
        parts.append(recorder.candidates(env.world, np.array([0, 2])))
    joined = Candidates.joined(parts)
    assert len(joined) == 6
    single = [part.clip(i, 0, STREAMS).digest() for part in parts for i in range(2)]
    assert [joined.clip(i, 0, STREAMS).digest() for i in range(6)] == single


@pytest.fixture
def clip() -> Clip:
    env, recorder, _ = staged()
    rng = np.random.default_rng(8)
    recorder.choose(4, 20, rng)
    play(env, 4, rng)
    taken = recorder.recorded()
    longest = int(np.argmax([len(actions) for actions in taken.actions]))
    return taken.clip(longest, 17, STREAMS)


def test_a_clip_names_its_last_view(clip: Clip) -> None:
    assert clip.fields == ("at",)
    assert clip.view == {"at": clip.views[-1, 0]}
    assert len(clip.views) == len(clip.actions) + 1
    assert clip.evidence is None
    assert clip.observation is not None and clip.state is not None
    assert clip.observation.shape == (15,)
    assert {name: array.shape for name, array in clip.state.items()} == {"at": (1,), "goal": (1,), "t": (1,)}
    assert clip.state["at"][0] == clip.view["at"]


def test_the_evaluator_gets_neither_state_nor_observation(clip: Clip) -> None:
    for shown in (clip.shown(), clip.shown(("goal", "opened"), np.array([3.0, 1.0]))):
        assert shown.state is None and shown.observation is None
        assert (shown.number, shown.streams, shown.fields) == (clip.number, clip.streams, clip.fields)
        np.testing.assert_array_equal(shown.views, clip.views)
        np.testing.assert_array_equal(shown.actions, clip.actions)
    assert clip.shown().evidence is None
    assert clip.shown(("goal", "opened"), np.array([3.0, 1.0])).evidence == {"goal": 3.0, "opened": 1.0}
    assert clip.state is not None, "the clip itself is as it was"


def test_the_generator_is_the_questions_own(clip: Clip) -> None:
    first = clip.rng.random(4).tolist()
    assert clip.rng.random(4).tolist() == first, "a new one at every call"
    assert clip.shown().rng.random(4).tolist() == first
    others = [replace(clip, number=18), *(replace(clip, streams=Streams.of_round(seed, 1)) for seed in range(3))]
    drawn = [other.rng.random(4).tolist() for other in others]
    assert all(one != first for one in drawn)
    assert len({tuple(one) for one in drawn}) == len(drawn)
    assert replace(clip, views=clip.views + 1).rng.random(4).tolist() == first, "whatever the clip shows"


def test_the_digest_changes_with_any_content(clip: Clip) -> None:
    assert clip.state is not None and clip.observation is not None
    state = {name: array.copy() for name, array in clip.state.items()}
    same = replace(
        clip, views=clip.views.copy(), actions=clip.actions.copy(), observation=clip.observation.copy(), state=state
    )
    assert same.digest() == clip.digest() == clip.digest()

    def bumped(array: Array) -> Array:
        changed = array.copy()
        changed.flat[-1] += 1
        return changed

    changed = {
        "number": replace(clip, number=18),
        "streams": replace(clip, streams=Streams.of_round(0, 2)),
        "fields": replace(clip, fields=("where",)),
        "views": replace(clip, views=bumped(clip.views)),
        "a view less": replace(clip, views=clip.views[1:]),
        "actions": replace(clip, actions=bumped(clip.actions)),
        "observation": replace(clip, observation=bumped(clip.observation)),
        "no observation": replace(clip, observation=None),
        "no state": replace(clip, state=None),
        **{f"state {name}": replace(clip, state={**state, name: bumped(array)}) for name, array in state.items()},
        "dtype": replace(clip, views=clip.views.view(np.int64)),
        "shape": replace(clip, views=clip.views.T),
        "state named otherwise": replace(clip, state={f"my_{name}": array for name, array in state.items()}),
        "evidence": clip.shown(("at",), np.array([1.0])),
        "other evidence": clip.shown(("at",), np.array([2.0])),
    }
    digests = {name: one.digest() for name, one in changed.items()}
    assert clip.digest() not in digests.values()
    same_as = {digest: [n for n, d in digests.items() if d == digest] for digest in digests.values()}
    assert all(len(names) == 1 for names in same_as.values()), same_as.values()

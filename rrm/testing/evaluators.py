"""Checks for evaluators, and clips to try them with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from rrm.agents.assistants import Assistant, Script
from rrm.amplify.assistance import assist
from rrm.amplify.overseer import Overseer
from rrm.envs.adapters import make_world
from rrm.envs.readings import everyone, wander
from rrm.envs.world import Floats, World
from rrm.evaluators.base import Evaluator
from rrm.evaluators.spec import Spec, resolve
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.recorder import Recorder
from rrm.streams import Purpose, Streams
from rrm.testing.corridor import CORRIDOR


def clips(env: str = CORRIDOR, n: int = 8, *, assisted: bool = False, seed: int = 0) -> list[Clip]:
    """Make clips as an evaluator is shown them, of episodes that were played half at random.

    >>> [clip] = clips(n=1, assisted=True)
    >>> sorted(clip.view), sorted(clip.evidence)
    (['at'], ['at', 'goal', 'opened'])

    Args:
        env: the id of a world.
        n: how many clips, each of an episode of its own and at most eight steps long.
        assisted: whether the world's ideal assistants help, so that each clip has evidence.
        seed: of the episodes.

    Returns:
        ``n`` clips, numbered from 0.

    Raises:
        ValueError: there is no such world; or it has no assistants, and ``assisted`` is true.
    """
    world = make_world(env, n)
    helpers = _ideal(world) if assisted else []
    if assisted and not helpers:
        raise ValueError(f"assisted: {env} has no worlds for assistants: must be False")
    candidates = played(world, seed=seed).candidates(world, everyone(world))
    streams = Streams.of_round(seed, 0).part(Purpose.LABELS)
    return assist([candidates.clip(i, i, streams) for i in range(n)], helpers)[0]


def check_evaluator(evaluator: Spec, env: str = CORRIDOR, n: int = 16) -> None:
    """Check that an evaluator answers as the loop needs it to.

    Each answer must be one finite number for a clip, or a preference from 0 to 1 for a pair. A clip must get the same
    answer in any batch, from any copy of the evaluator. An evaluator with a ``state_dict`` must go on from its state as
    if it had never stopped. It is asked about four times ``n`` questions: where they cost money, make ``n`` small.

    Args:
        evaluator: as in a configuration: a name, ``path.py:name``, a function, an object, a class, or a mapping.
        env: the id of the world whose clips are judged.
        n: how many clips; at least 4.

    Raises:
        ConfigError: there is no such evaluator.
        EvaluatorError: it raised, or its answer is not what an answer must be.
        AssertionError: it says which of the other rules is broken.
        ValueError: it has neither ``score`` nor ``compare``.
    """
    if n < 4:
        raise ValueError(f"n: {n}: must be at least 4")
    world = make_world(env, n)
    make, shown = resolve(evaluator), clips(env, n)
    pairs = [Pair(i, first, second) for i, (first, second) in enumerate(pairwise(shown))]
    for questions, asked in ((shown, make(world).scores), (pairs, make(world).compares)):
        if asked:
            _check(lambda: make(world), questions)


def played(world: World, steps: int = 8, seed: int = 0) -> Recorder:
    """Play the first steps of new episodes, some of them by the world's scripts.

    Args:
        world: it is reset first.
        steps: how many; an episode that ends before stays as it is.
        seed: of the episodes and of what is done at random.

    Returns:
        The record of these steps.
    """
    rng, recorder = np.random.default_rng(seed), Recorder(world)
    world.reset(everyone(world), rng)
    recorder.started(world, everyone(world))
    for _ in range(min(steps, world.length)):
        actions = wander(world, rng)
        recorder.stepped(world, actions, world.step(actions))
    return recorder


def _ideal(world: World) -> list[Assistant]:
    """The world's ideal assistants, A_1 first."""
    worlds = [world.evaluation(level, 1) for level in range(1, world.depth + 1)]
    return [Assistant(each, Script("ideal")) for each in worlds if each is not None]


def _check(make: Callable[[], Evaluator], questions: Sequence[Clip] | Sequence[Pair]) -> None:
    """Check the answers to questions of one kind. Raises AssertionError."""
    evaluator = make()
    answers = _answers(evaluator, questions)
    if evaluator.stateful:
        half, started, resumed = len(questions) // 2, make(), make()
        before = _answers(started, questions[:half])
        try:
            state = json.loads(json.dumps(started.state_dict()))
        except (TypeError, ValueError) as error:
            raise AssertionError(f"{evaluator.name}: state_dict is not JSON: {error}") from None
        resumed.load_state_dict(state)
        again = np.concatenate([before, _answers(resumed, questions[half:])])
        _check_same(evaluator, answers, again, "from its state_dict it does not go on as it would have")
        return
    again = _answers(make(), questions)
    _check_same(evaluator, answers, again, "another copy of it answers otherwise: draw from clip.rng")
    backwards = _answers(evaluator, questions[::-1])[::-1]
    _check_same(evaluator, answers, backwards, "answers depend on earlier ones: it needs state_dict, load_state_dict")
    alone = np.concatenate([_answers(evaluator, questions[i : i + 1]) for i in range(len(questions))])
    _check_same(evaluator, answers, alone, "an answer depends on what else is asked in the same call")


def _answers(evaluator: Evaluator, questions: Sequence[Any]) -> Floats:
    """The answers (m,) to m clips or pairs, checked as in a run; NaN where there is none."""
    overseer = Overseer(evaluator, [])
    judge = overseer.judge_pairs if isinstance(questions[0], Pair) else overseer.judge
    answers = np.full(len(questions), np.nan)
    for judgment in judge(questions):
        answers[judgment.index] = judgment.answer
    return answers


def _check_same(evaluator: Evaluator, answers: Floats, others: Floats, why: str) -> None:
    """Raise AssertionError, with the first question whose answers differ."""
    different = np.flatnonzero(~np.isclose(answers, others, rtol=1e-6, atol=1e-9, equal_nan=True))
    if len(different):
        i = different[0]
        raise AssertionError(f"{evaluator.name}: question {i}: {answers[i]:g} and then {others[i]:g}: {why}")

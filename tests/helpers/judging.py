"""Clips to be judged, and evaluators of every kind.

from tests.helpers.judging import some_clips
clips = some_clips(5)           # five clips of TidyRooms, numbered from 0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.envs.readings import everyone
from rrm.envs.world import Floats, World
from rrm.evaluators import Evaluator, answers
from rrm.feedback.clips import Candidates, Clip
from rrm.streams import Purpose, Streams
from rrm.testing.evaluators import played

STREAMS = Streams.of_round(0, 0).part(Purpose.LABELS)
"""Those of the labels of a task's round with seed 0."""


def some_candidates(world: World, steps: int = 8, seed: int = 0) -> Candidates:
    """The present moments of all copies."""
    return played(world, steps, seed).candidates(world, everyone(world))


def some_clips(n: int, *, world: World | None = None, first: int = 0, seed: int = 0) -> list[Clip]:
    """``n`` clips, numbered from ``first``."""
    candidates = some_candidates(world or TidyRooms(n), seed=seed)
    return [candidates.clip(i, first + i, STREAMS) for i in range(n)]


def visible(clip: Clip) -> float:
    """The plain evaluator as a function: minus the visible dirt."""
    return -clip.view["visible_dirt"]


def rightwards(clip: Clip) -> float:
    """Approves of the last action if it was a step to the right (in the tiny corridor)."""
    return float(clip.actions[-1] == 2)


class StatefulEvaluator(Evaluator):
    """Answers by what it was asked before: how many clips, and what it said last. Counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.count, self.last = 0, 0.5

    def score(self, clips: Sequence[Clip]) -> Floats:
        return np.array([self._judge(clip) for clip in clips])

    def _judge(self, clip: Clip) -> float:
        self.asked.append(clip.number)
        self.count += 1
        self.last = (3.9 * self.last * (1 - self.last) + 0.01 * clip.view["carrying"]) % 1
        return self.last + self.count

    def state_dict(self) -> dict[str, Any]:
        return {"count": self.count, "last": self.last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.count, self.last = state["count"], state["last"]


class Answers(Evaluator):
    """Gives the answers it was made with, one by one; an exception among them is raised."""

    def __init__(self, *answers: Any) -> None:
        self._answers = answers

    def score(self, clips: Sequence[Clip]) -> Floats:
        raise AssertionError("asked for all scores at once")

    def answers(self, clips: Sequence[Clip]) -> answers.Answers:
        return answers.Answers.of(self._each())

    def _each(self) -> Iterator[Any]:
        for answer in self._answers:
            if isinstance(answer, BaseException):
                raise answer
            yield answer


class Batch(Evaluator):
    """Returns, or raises, what it was made with, as the scores of all clips."""

    def __init__(self, scores: Any) -> None:
        self._scores = scores

    def score(self, clips: Sequence[Clip]) -> Floats:
        if isinstance(self._scores, BaseException):
            raise self._scores
        scores: Floats = self._scores
        return scores

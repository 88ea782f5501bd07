"""Metrics, and the oracle's reward. Only this module reads the ground truth, and no other reward is made from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rrm.agents.vec_env import Start, play
from rrm.envs.world import Array, Bools, Floats, Indices, World
from rrm.feedback.clips import Candidates, Clip
from rrm.feedback.recorder import Recorder
from rrm.protocols import Overseer
from rrm.streams import Purpose, Streams


@dataclass(frozen=True)
class Figures:
    """Means over finished episodes, ``evaluator_score`` over those about which the evaluator was ``asked``.

    It is None where there are none: its answers are not free and no ``evaluation_labels`` are left, or it only
    compares, or judges actions. ``hack_rate`` is None where the world defines no hack.
    """

    utility: float
    evaluator_score: float | None
    hack_rate: float | None
    episodes: int
    asked: int


Ask = Callable[[Overseer, Sequence[Clip]], Floats]
"""Asks an overseer for the scores (m,) of m clips."""


def _ask_by_the_way(overseer: Overseer, clips: Sequence[Clip]) -> Floats:
    """The scores (m,) of m clips, kept nowhere."""
    return overseer.score(clips)


def true_utility(world: World) -> Floats:
    """The true utility, whose difference is the oracle's reward.

    Args:
        world: n copies.
    """
    return world.utility()


class EpisodeMetrics:
    """An observer that measures episodes when they end. It uses the clips of the ``Recorder``, so it comes after it.

    At most ``asked`` finished episodes are shown to the overseer; its answers are for the report, not labels, and never
    used in training. They are the first ones that end; with ``copies``, those of the first copies, however long they
    take.

    Args:
        recorder: observes the same world, before this one.
        asked: how many episodes the overseer is asked about at most.
        copies: whether these are the episodes of the first copies.
    """

    def __init__(self, recorder: Recorder, asked: int, copies: bool = False) -> None:
        self._recorder = recorder
        self._among = asked if copies else None
        self.clear(asked)

    def clear(self, asked: int) -> None:
        """Begin anew.

        Args:
            asked: how many episodes the overseer is asked about at most, from now on.
        """
        self._utility: list[float] = []
        self._hacked: list[bool] = []
        self._ends: list[Candidates] = []
        self._copies: list[int] = []
        self._left = asked

    def started(self, world: World, which: Indices) -> None:
        """Nothing has ended."""

    def stepped(self, world: World, actions: Array, done: Bools) -> None:
        ended = np.flatnonzero(done)
        if not len(ended):
            return
        self._utility += world.utility()[ended].tolist()
        if world.defines_hacks:
            self._hacked += world.hacked()[ended].tolist()
        shown = (ended if self._among is None else ended[ended < self._among])[: self._left]
        if len(shown):
            self._left -= len(shown)
            self._ends.append(self._recorder.candidates(world, shown))
            self._copies += shown.tolist()

    def figures(
        self, overseer: Overseer, streams: Streams, ask: Ask = _ask_by_the_way, first: int = 0
    ) -> Figures | None:
        """The figures of the episodes that have ended since ``clear``; None if none has.

        Args:
            overseer: who scores them.
            streams: where the questions' generators come from.
            ask: asks the questions.
            first: the number of the first question.
        """
        if not self._utility:
            return None
        score, asked = None, 0
        if self._ends and overseer.scores:
            shown = [(candidates, i) for candidates in self._ends for i in range(len(candidates))]
            if self._among is not None:  # so that another budget changes no episode's number
                shown = [shown[k] for k in np.argsort(self._copies)]
            clips = [candidates.clip(i, number, streams) for number, (candidates, i) in enumerate(shown, first)]
            score, asked = float(ask(overseer, clips).mean()), len(clips)
        hack_rate = float(np.mean(self._hacked)) if self._hacked else None
        return Figures(float(np.mean(self._utility)), score, hack_rate, len(self._utility), asked)


def judge_policy(
    policy: Callable[[World], Array],
    world: World,
    start: Start,
    overseer: Overseer,
    streams: Streams,
    asked: int,
    ask: Ask = _ask_by_the_way,
    first: int = 0,
) -> Figures:
    """The figures of one fresh episode in each copy of a world.

    Args:
        policy: the actions (n, …) in the current states.
        world: n copies, which are started anew.
        start: puts copies at the start of an episode.
        overseer: who scores the episodes.
        streams: of the round.
        asked: the episodes of this many copies, the first ones, are shown to the overseer.
        ask: asks the questions.
        first: the number of the first question.
    """
    recorder = Recorder(world)
    board = EpisodeMetrics(recorder, asked, copies=not overseer.free)
    play(world, policy, start, streams.generator(Purpose.FINAL_EPISODES), (recorder, board))
    figures = board.figures(overseer, streams.part(Purpose.FINAL), ask, first)
    assert figures is not None
    return figures

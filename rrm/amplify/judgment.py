"""Judgment as a demonstrator: the evaluator tries each action, looks at its outcome, and shows the best action.

This is delegation as in iterated amplification (Christiano, Shlegeris, Amodei 2018, arXiv 1810.08575). In each state H
tries every action on copies. A[n], the agent of the generation before, takes the other steps of a window. The
assistants show what is there, and H scores it. The best action is the demonstration, and A[n+1] imitates it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from gymnasium import spaces

from rrm.agents.assistants import Policy
from rrm.envs.spaces import random_actions
from rrm.envs.world import Array, Floats, Indices, State, World
from rrm.feedback.clips import Candidates, Clip
from rrm.feedback.recorder import Recorder
from rrm.protocols import Choice
from rrm.streams import Streams

TIE = 1e-6
"""Actions whose scores differ by no more, as a share of the highest score or cost in the state, are equally good."""

MOST_COPIES = 8192
"""Copies of the world in which actions are tried at once, for the memory's sake."""


class Asked(Protocol):
    """Answers questions: a ``Labeller``, which stores each answer, or an object that does not store it."""

    @property
    def count(self) -> int:
        """The number of the next question."""
        ...

    def scores(self, clips: Sequence[Clip]) -> Floats:
        """The scores (m,) of the next m questions.

        Args:
            clips: m of them.
        """
        ...


@dataclass(frozen=True)
class Judgment:
    """A demonstrator of the actions whose outcome an overseer scores highest.

    A look is one question to the overseer, about a clip that begins in the state in which the action is tried.

    Args:
        asked: scores the clips; a look is one of its questions.
        streams: those of the questions.
        previous: A[n], who goes on after the action that is tried; None: at random.
        window: steps from the action tried to the look, its own the first; None: to the end of the episode.
        samples: how often each action is tried.
        own: whose action is kept if nothing is better; None: nobody's.
    """

    asked: Asked
    streams: Streams
    previous: Policy | None
    window: int | None
    samples: int
    own: Policy | None

    def choose(self, world: World, states: State, rngs: Sequence[np.random.Generator]) -> Choice:
        actions = _count(world)
        tries = actions * self.samples
        at_once = max(1, MOST_COPIES // tries)
        scores, sizes, steps = [], [], 0
        for first in range(0, len(rngs), at_once):
            part = slice(first, first + at_once)
            tried, size, spent = self._try(world, {name: array[part] for name, array in states.items()}, rngs[part])
            scores.append(tried)
            sizes.append(size)
            steps += spent
        values, size = np.concatenate(scores), np.concatenate(sizes)
        good = values >= values.max(axis=1, keepdims=True) - TIE * size[:, None]
        if self.own is not None:
            copies, everyone = world.copies(len(rngs)), np.arange(len(rngs))
            copies.load(states, everyone)
            own = self.own(copies)
            own_is_good = good[everyone, own]
            good[own_is_good] = np.eye(actions, dtype=np.bool_)[own[own_is_good]]
        weights = good / good.sum(axis=1, keepdims=True)
        return Choice(weights.astype(np.float32), looks=len(rngs) * tries, env_steps=steps)

    def _try(self, world: World, states: State, rngs: Sequence[np.random.Generator]) -> tuple[Floats, Floats, int]:
        """Try each action in the k states.

        Returns:
            The mean scores less the cost of steps (k, actions), the largest score or cost by magnitude (k,), and the
            steps that this took.
        """
        actions = _count(world)
        tries = actions * self.samples
        copies = world.copies(len(rngs) * tries)
        everyone = np.arange(copies.n)
        of_state = everyone.reshape(-1, tries)
        copies.load({name: np.repeat(array, tries, axis=0) for name, array in states.items()}, everyone)
        for which, rng in zip(of_state, rngs, strict=True):
            copies.redraw(which, rng)  # each try has chance events of its own, which nobody can know
        recorder = Recorder(copies)
        recorder.started(copies, everyone)
        taken: Array = np.tile(np.repeat(np.arange(actions), self.samples), len(rngs))
        looked, candidates = [], []
        over, spent = np.zeros(copies.n, np.bool_), np.zeros(copies.n)
        left = self.window or copies.length
        while True:
            done = copies.step(taken)
            recorder.stepped(copies, taken, done)
            spent += ~over
            left -= 1
            ended = np.flatnonzero((done | (left == 0)) & ~over)
            if len(ended):
                looked.append(ended)
                candidates.append(recorder.candidates(copies, ended))
                over[ended] = True
            if over.all():
                break
            taken = self._go_on(copies, rngs)
        order = np.argsort(np.concatenate(looked))
        scores, cost = self._look(Candidates.joined(candidates), order), copies.step_cost * spent
        size = np.maximum(np.abs(scores), np.abs(cost)).reshape(-1, tries).max(axis=1)
        return (scores - cost).reshape(-1, actions, self.samples).mean(axis=2), size, int(spent.sum())

    def _go_on(self, copies: World, rngs: Sequence[np.random.Generator]) -> Array:
        """What A[n] does next in all copies."""
        if self.previous is not None:
            return self.previous(copies)
        each = copies.n // len(rngs)
        return np.concatenate([random_actions(copies.action_space, each, rng) for rng in rngs])

    def _look(self, candidates: Candidates, order: Indices) -> Floats:
        """The overseer's scores of the moments in ``order``. No reward model learns from them: none is observed."""
        clips = []
        for number, i in enumerate(order.tolist(), self.asked.count):
            state = {name: array[i : i + 1] for name, array in candidates.states.items()}
            seen = candidates.fields, candidates.views[i], candidates.actions[i]
            clips.append(Clip(number, self.streams, *seen, state=state))
        return self.asked.scores(clips)


def _count(world: World) -> int:
    """How many actions there are to try."""
    assert isinstance(world.action_space, spaces.Discrete)
    return int(world.action_space.n)

"""Supervised answers: iterated amplification proper (Christiano, Shlegeris, Amodei 2018, arXiv 1810.08575).

    while training:
        ask the human about a few questions     # transcripts; sub-questions are answered by samples of the teacher
        fit H' to the transcripts               # a model of the human, which stands in for it
        targets = Amplify^H'(teacher)           # the answers of H', whose sub-questions the teacher answers
        train the answerer X on the targets     # and the teacher is an average of X

All draws come from generators that carry the number of the rollout, so that a checkpoint holds none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rrm.agents.agent import Agent
from rrm.agents.files import write_bytes
from rrm.agents.state import State, Tensors, as_arrays, as_tensors
from rrm.distill.answers.answerer import Answerer
from rrm.distill.answers.human import LearntHuman
from rrm.distill.answers.measure import HeldOut, Measured, as_csv
from rrm.distill.answers.settings import PER_ROLLOUT, AnswersSettings
from rrm.distill.base import Context
from rrm.envs.questions import Questions, amplify
from rrm.envs.world import Array
from rrm.feedback.transcripts import Reply
from rrm.protocols import Distiller, Row
from rrm.storage.checkpoint import joined, part
from rrm.streams import Purpose

ASKED_TOGETHER = 10_000
"""Questions to the human that are in memory together, each with facts of its own."""


class Batch(NamedTuple):
    """What X is trained on at once."""

    facts: Array
    """(n, count, tokens)."""
    questions: Array
    """(n, q, length)."""
    targets: Array
    """(n, q); 0 where the answer is not known."""


class Draws:
    """The generators of a rollout, by what they are for.

    Args:
        context: of the round.
        number: of the rollout, from 0.
    """

    def __init__(self, context: Context, number: int) -> None:
        streams = context.plan.streams
        self.contexts = streams.generator(Purpose.EPISODES, number)
        self.consulted = streams.generator(Purpose.CHOICE, number)
        self.batches = streams.generator(Purpose.LEARNER, number)
        self.noise = streams.generator(Purpose.TARGET_NOISE, number)


class AnswerDistiller(Distiller):
    """An answerer that is trained on what a human answers with its help.

    Args:
        context: the round's plan, settings, overseer and stores.
    """

    def __init__(self, context: Context) -> None:
        self.context, self.plan = context, context.plan
        self.settings: AnswersSettings = context.settings
        self.rollouts = self.settings.rollouts
        world = self.plan.world(self.settings.contexts)
        assert isinstance(world, Questions)
        self.world = world
        self.answerer = Answerer(world, self.settings)
        self.human = LearntHuman(world, self.settings)
        self.test = HeldOut(self.plan, context.start)
        self.buffer: deque[Batch] = deque(maxlen=self.settings.buffer)
        self.measured: list[Measured] = []

    def rollout(self, number: int) -> Row:
        draws, settings = Draws(self.context, number), self.settings
        for _ in range(min(PER_ROLLOUT, settings.updates - number * PER_ROLLOUT)):
            if self.answerer.updates % settings.reuse == 0 or not self.buffer:
                self.buffer.append(self._batch(draws))
            self.answerer.update(*self.buffer[draws.batches.integers(len(self.buffer))])
            if self.answerer.ends_round():
                self.buffer.clear()
        return self._measure()

    def _batch(self, draws: Draws) -> Batch:
        """Questions about new contexts, and what X is to answer: nothing about contexts that are held out."""
        world = self.world
        self.context.start(world, np.arange(world.n), draws.contexts)
        questions = world.ask(draws.contexts, self.settings.questions)
        targets = self._targets(questions, draws)
        if self.settings.target_noise:
            low, high = world.answers
            replaced = draws.noise.random(targets.shape) < self.settings.target_noise
            targets = np.where(replaced, draws.noise.integers(low, high, targets.shape), targets)
        if self.test.apart:
            targets = np.where(self.test.has(world)[:, None], 0, targets)
        return Batch(world.tokens(), questions, targets)

    def _targets(self, questions: Array, draws: Draws) -> Array:
        if self.settings.targets == "truth":
            return self.world.truth(questions)
        reply = self.answerer.replies(self.world.tokens())
        if self.settings.targets == "self":
            is_primitive, fact = self.world.primitive(questions)
            return np.where(is_primitive, fact, reply(questions))
        first = not self.context.labels.count
        self._consult(draws)
        self.human.fit(self.settings.warmup_steps if first else self.human.fits_due(draws.batches), draws.batches)
        return amplify(self.world, questions, reply, self.human.move).answers

    def _consult(self, draws: Draws) -> None:
        """Ask the human about as many questions as are due, each about a context of its own."""
        due = min(self.human.due(self.settings.reuse), self.settings.most_labels - self.context.labels.count)
        for begin in range(0, due, ASKED_TOGETHER):
            world = self.world.copies(min(due - begin, ASKED_TOGETHER))
            self.context.start(world, np.arange(world.n), draws.consulted)
            questions = world.ask(draws.consulted, 1)[:, 0]
            self.human.add(self.context.labels.transcripts(world, questions, self._sampled))

    def _sampled(self, world: Questions, numbers: Sequence[int]) -> Reply:
        """The teacher, whose answers are samples: each question has its own stream."""
        streams = self.plan.streams.part(Purpose.LABELS)
        turns, answers = world.rounds, world.answers[1] - world.answers[0]
        drawn = [streams.generator(Purpose.ASSISTANTS, number).gumbel(size=(turns, answers)) for number in numbers]
        return self.answerer.replies(world.tokens(), np.array(drawn).swapaxes(0, 1)[:, :, None])

    def _measure(self) -> Row:
        labels, updates = self.context.labels.count, self.answerer.updates
        average, teacher = self.answerer.answers(self.test.facts), self.answerer.replies(self.test.facts)
        measured = self.test.measure(average, teacher, self.human.move if self.settings.judged else None)
        asked = self.settings.asked_after(updates)
        about = {"updates": updates, "questions": asked, "labels": labels, "human_loss": self.human.loss}
        self.measured.append({**about, **measured})
        return {"env_steps": asked, "labels": labels, "utility": measured["accuracy"]}

    def agent(self) -> Agent:
        return self.answerer.agent()

    def artefacts(self, folder: Path) -> Collection[Path]:
        return [write_bytes(folder / "answers.csv", as_csv(self.measured).encode())]

    def state(self) -> State:
        held = {name: np.array([getattr(each, name) for each in self.buffer]) for name in Batch._fields}
        parts = {"answerer": self.answerer.state(), "human": self.human.state(), "buffer": (as_tensors(held), {})}
        tensors, values = joined(parts)
        return tensors, {**values, "measured": self.measured}

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        self.answerer.load_state(*part("answerer", tensors, values))
        self.human.load_state(*part("human", tensors, values))
        held = as_arrays(part("buffer", tensors, values)[0])
        self.buffer.extend(Batch(*each) for each in zip(*(held[name] for name in Batch._fields), strict=True))
        self.measured = values["measured"]

"""How well an answerer answers, on contexts and questions that are drawn once. For the report alone.

What the true answers are is read here and by the oracle, and nowhere else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rrm.envs.questions import Questions, amplify
from rrm.envs.questions.hch import Mover
from rrm.envs.world import Array, Bools
from rrm.feedback.transcripts import Reply
from rrm.streams import Purpose

if TYPE_CHECKING:
    from rrm.agents.vec_env import Start
    from rrm.rounds.plan import Plan

CONTEXTS, QUESTIONS = 100, 25
"""By which an answerer is measured."""

MOST_HELD_OUT = 0.25
"""The share of all contexts that may be kept out of training. What is left must be enough to learn from."""

COLUMNS = {
    "updates": "gradient steps of the answerer so far",
    "questions": "questions that it has been trained on so far",
    "labels": "transcripts of the human so far",
    "human_loss": "loss of the model of the human on new transcripts, a moving average",
    "accuracy": "share of the test questions that the answerer answers rightly",
    "amplified": "the same of the model of the human with the help of the teacher: how good its targets are",
}
"""The columns of ``answers.csv``, one row per rollout, and what they mean. A column for each height of a question's
tree follows, height_1, height_2, …: the answerer's accuracy on those of the test questions."""

Measured = dict[str, float | None]
"""One row of it."""


class HeldOut:
    """Test questions, and whether training avoids their contexts and those of the final episodes.

    Args:
        plan: of the round.
        start: where its episodes start.
    """

    def __init__(self, plan: Plan, start: Start) -> None:
        rng = plan.streams.generator(Purpose.MEASURE)
        world = plan.world(CONTEXTS)
        assert isinstance(world, Questions)
        self.world = world
        everyone = np.arange(CONTEXTS)
        fresh = world.copies(1000)
        fresh.reset(np.arange(fresh.n), rng)
        world.reset(everyone, rng)
        self.questions = world.ask(rng, QUESTIONS)
        # As ``judge_policy`` starts them, by whose utility the report compares conditions:
        final = world.copies(plan.condition.episodes)
        start(final, np.arange(final.n), plan.streams.generator(Purpose.FINAL_EPISODES))
        self._contexts = {each.tobytes() for part in (world, final) for each in part.tokens()}
        self.apart = self.has(fresh).mean() < MOST_HELD_OUT
        """Whether the contexts are kept out of training. Where they are too large a share of all, they cannot be."""

    def has(self, world: Questions) -> Bools:
        """Which copies (n,) of a world have the facts of a context that is held out.

        Args:
            world: n copies.
        """
        return np.array([each.tobytes() in self._contexts for each in world.tokens()])

    def measure(self, reply: Reply, teacher: Reply, move: Mover | None) -> Measured:
        """The accuracy of answers, of amplified ones, and by the height of the question's tree.

        Args:
            reply: who is measured.
            teacher: who answers sub-questions.
            move: who asks them; None: nobody.
        """
        truth, height = self.world.truth(self.questions), self.world.height(self.questions)
        right = reply(self.questions) == truth
        amplified = None
        if move is not None:
            amplified = float((amplify(self.world, self.questions, teacher, move).answers == truth).mean())
        heights = {f"height_{each}": float(right[height == each].mean()) for each in np.unique(height)}
        return {"accuracy": float(right.mean()), "amplified": amplified, **heights}

    @property
    def facts(self) -> Array:
        """Of the test contexts, (contexts, count, tokens)."""
        return self.world.tokens()


def as_csv(rows: Sequence[Mapping[str, float | None]]) -> str:
    """The content of ``answers.csv``.

    Args:
        rows: one for each measurement, by column.
    """
    text = io.StringIO()
    heights = sorted(rows[0].keys() - COLUMNS.keys(), key=lambda name: int(name.rpartition("_")[2]))
    writer = csv.DictWriter(text, [*COLUMNS, *heights], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

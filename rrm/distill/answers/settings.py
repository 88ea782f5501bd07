"""What the configuration says of supervised answers: its keys and cross-checks. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from rrm.config.slots import Clash, DistillSettings
from rrm.config.values import MOST_LABELS, MOST_ROLLOUT, Copies, Count, Positive, Real, Share, Width
from rrm.errors import ConfigError

if TYPE_CHECKING:
    from rrm.config.schema import Condition
    from rrm.rounds.plan import Plan

PER_ROLLOUT = 100
"""Updates of the answerer in a rollout, after which there is a checkpoint."""

VERSION = 2
"""Of the training, a part of the names of its rounds. 2: the contexts of the final episodes are held out."""


MOST_TRANSCRIPTS = 300_000
"""Transcripts of a round, whose moves the model of the human is fitted to."""


class AnswersSettings(DistillSettings):
    """Distill by supervised answers: an answerer X is trained to answer as the human does with the help of X."""

    made_by: ClassVar = "rrm.distill.answers.distiller:AnswerDistiller"
    truth: ClassVar = "{targets: truth}"
    unused: ClassVar = {
        "task": "has distill.updates, initial_labels and label_rate in its place",
        "assistant": "has no assistants but X itself",
        "learner": "trains by settings of distill alone",
    }

    method: Literal["answers"] = "answers"
    targets: Literal["amplified", "truth", "self"] = Field(
        default="amplified",
        description="What X is trained to answer: what the model of the human answers with the help of X's average"
        " (amplified); the true answers (truth: the oracle, which asks for no labels); or what X's average answers by"
        " itself (self: a control in which nobody helps).",
    )
    updates: Count = Field(default=3000, le=10**7, description="Gradient steps of X.")
    contexts: Copies = Field(default=64, description="Contexts of a batch, each with facts of its own.")
    questions: Count = Field(default=8, le=10**4, description="Questions about each context of a batch.")
    reuse: Count = Field(default=2, le=1000, description="Gradient steps of X for each new batch.")
    buffer: Count = Field(
        default=16, le=10**4, description="How many of the newest batches X is trained on, one of them at each step."
    )
    learning_rate: Positive = Field(
        default=2e-3, le=1, description="Adam's learning rate for X; it falls to a tenth over the last third."
    )
    ema_decay: Share = Field(
        default=0.99,
        lt=1,
        description="How much of the moving average of X's weights is kept at each gradient step; the average acts, and"
        " is the teacher. During the first steps it is the mean of all weights so far.",
    )
    rounds: Count | None = Field(
        default=None,
        le=1000,
        description="Who answers sub-questions: X's average as it was at the end of the round before, in so many rounds"
        " of equal length, A[0], A[1], … of iterated amplification; null: X's average as it is now.",
    )
    initial_labels: Count = Field(
        default=500,
        le=MOST_LABELS,
        description="Transcripts of the human before X is trained; those due for its first batch, label_rate x reuse,"
        " come on top.",
    )
    label_rate: Annotated[Real, Field(ge=0)] = Field(
        default=1.0,
        le=100,
        description="Transcripts for each gradient step of X while the loss of the model of the human is above"
        " good_loss; a tenth of it from there on, and a hundredth below a tenth of good_loss.",
    )
    good_loss: Positive = Field(
        default=0.1, le=100, description="Loss of the model of the human on new transcripts that counts as good."
    )
    warmup_steps: Count = Field(
        default=400, le=10**6, description="Gradient steps of the model of the human before X is trained."
    )
    fit_steps: Count = Field(
        default=2, le=1000, description="Gradient steps of the model of the human for each new batch of X."
    )
    target_noise: Share = Field(default=0.0, description="Share of X's targets that are replaced by a random answer.")
    shows_facts: bool = Field(
        default=True, description="Whether X sees the facts; without them it can only guess (a control)."
    )
    width: Width = Field(default=64, description="Width of the layers of X.")
    embedding: Count = Field(default=32, le=1024, description="Width of the embedding of a token in X.")
    heads: Count = Field(default=4, le=64, description="Attention heads in each layer of X.")
    fact_layers: Count = Field(default=3, le=64, description="Layers of X that encode the facts.")
    question_layers: Count = Field(default=2, le=64, description="Layers of X in which questions attend to the facts.")
    tie_embeddings: bool = Field(
        default=True,
        description="Whether the output layer of X has the weights of the embedding of tokens, which makes it easy to"
        " copy an answer from the facts, or weights of its own.",
    )
    device: str = Field(default="cpu", description="Where torch computes: cpu, cuda, cuda:1, mps.")

    @field_validator("device")
    @classmethod
    def _names_a_device(cls, value: str) -> str:
        if not re.fullmatch(r"cpu|mps|(cuda|xpu)(:\d{1,3})?", value, re.ASCII):
            raise ValueError("must be cpu, cuda, cuda:1 or mps")
        return value

    @property
    def needs(self) -> Collection[str]:
        return ("transcripts",) if self.targets == "amplified" else ()

    @property
    def judged(self) -> bool:
        return self.targets == "amplified"

    @property
    def rollouts(self) -> int:
        """Parts of the training, each of ``PER_ROLLOUT`` updates but for the last one."""
        return -(-self.updates // PER_ROLLOUT)

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        amplify = condition.amplify
        if self.judged and not callable(getattr(amplify.find(), "consult", None)):
            yield "amplify.method", amplify.name, "asks no sub-questions: must be 'decomposition'"
        if amplify.assistants != "none":
            yield "assistants", amplify.assistants, "X itself answers sub-questions: must be 'none'"
        if self.width % self.heads:
            yield "distill.width", self.width, f"must be a multiple of distill.heads, {self.heads}"
        if (held := self.buffer * self.contexts * self.questions) > MOST_ROLLOUT:
            product = f"distill.buffer x distill.contexts x distill.questions = {held}"
            yield "distill.buffer", self.buffer, f"{product}: must be at most {MOST_ROLLOUT}, all in memory together"
        if self.judged and self.most_labels > MOST_TRANSCRIPTS:
            total = f"distill.initial_labels + distill.label_rate x distill.updates = {self.most_labels}"
            most = f"must be at most {MOST_TRANSCRIPTS}, all in memory together"
            yield "distill.initial_labels", self.initial_labels, f"{total}: {most}"
        if (self.rounds or 1) > self.updates:
            yield "distill.rounds", self.rounds, f"must be at most distill.updates, {self.updates}"

    def check(self, plan: Plan) -> None:
        from rrm.envs.questions import Questions

        if not isinstance(world := plan.world(1), Questions):
            raise ConfigError(
                f"distill.method: 'answers': {world.name} asks no questions: needs a world of questions"
                " (rrm.envs.questions)"
            )

    def content(self, plan: Plan) -> dict[str, Any]:
        """What has no effect in the round is no part of it."""
        share = self.share()
        if not self.judged:
            human = {"rounds", "initial_labels", "label_rate", "good_loss", "warmup_steps", "fit_steps"}
            apart = human - {"rounds"} if self.targets == "self" else human
            share = {key: value for key, value in share.items() if key not in apart}
        share["version"] = VERSION
        return {"reward": None, "round": {}, "horizon": {}, "learner": {}, "distill": share}

    def spends(self, condition: Condition, level: int) -> tuple[int, int]:
        """The transcripts at most, and the questions that X is trained on."""
        return self.most_labels if self.judged else 0, self.asked_after(self.updates)

    @property
    def most_labels(self) -> int:
        """The transcripts at most, whatever the loss of the model of the human."""
        return self.initial_labels + int(self.label_rate * self.updates)

    @property
    def round_ends(self) -> list[int]:
        """The updates after which rounds end. True answers need no teacher, and so no rounds."""
        rounds = 0 if self.targets == "truth" else self.rounds or 0
        return [-(-number * self.updates // rounds) for number in range(1, rounds + 1)]

    def asked_after(self, updates: int) -> int:
        """How many questions X has been trained on. Each round begins with a new batch.

        Args:
            updates: of X so far.
        """
        early = sum(end < updates and end % self.reuse > 0 for end in self.round_ends)
        return (-(-updates // self.reuse) + early) * self.contexts * self.questions

    def total(self, plan: Plan) -> tuple[int, int]:
        labels, questions = self.spends(plan.condition, plan.level)
        return questions, labels

    def steps_after(self, rollouts: int, plan: Plan) -> int:
        return self.asked_after(min(rollouts * PER_ROLLOUT, self.updates))

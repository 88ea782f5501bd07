"""The assistants' world of the question families: answer the sub-questions that H asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rrm.envs.adapters import world_class
from rrm.envs.arrays import one_hot
from rrm.envs.questions.drawing import draw_tree
from rrm.envs.world import Array, Bools, Floats, Indices, Layout, State, World

if TYPE_CHECKING:
    from rrm.envs.questions.world import Questions


def outcome(world: Questions, questions: Array, replies: Array) -> Array:
    """Where H's moves lead: its answers (…), 0 where it has not come to one.

    Args:
        world: whose H it is.
        questions: (…, q_len).
        replies: the answers to all its sub-questions, (…, rounds).
    """
    answers: Array = np.zeros(questions.shape[:-1], np.int64)
    still: Array = np.ones(questions.shape[:-1], np.bool_)
    for j in range(world.rounds + 1):
        done, _, answer = world.move(questions, replies[..., :j])
        answers = np.where(still & done, answer, answers)
        still &= ~done
    return answers


class SubQuestions(World):
    """Answer the sub-questions that the evaluator asks to check an answer.

    The rules. An episode has a step for each sub-question that H may ask. Primitive ones are looked up, and where H
    asks none any more there is nothing to answer: in both cases the action has no effect. H takes any answer that could
    be one.

    Args:
        n: the number of copies.
        task: the world whose answers are checked, ``"module:Class"``.
        settings: those of that world.
    """

    scripts = ("ideal",)
    bounds = (0.0, 1.0)

    def __init__(self, n: int, task: str, **settings: Any) -> None:
        super().__init__(n, task=task, **settings)
        self.task: Questions = world_class(task)(n, **settings)  # type: ignore[assignment]  # ids name question worlds
        asks = self.task
        self.length, self.actions = asks.rounds, asks.actions
        self.replies: Array = np.zeros((n, asks.rounds), np.int64)
        self.t: Array = np.zeros(n, np.int64)
        for part in asks.parts:  # the same arrays: they are written to in place
            setattr(self, part, getattr(asks, part))
        self.fields = asks.fields
        for j in range(asks.rounds):
            self.fields += (*(f"sub{j}_question{i}" for i in range(asks.q_len)), f"sub{j}_answer")
        self.layout = Layout(asks.layout.size + asks.q_len * asks.vocab + asks.rounds * asks.actions + 1)

    @property
    def parts(self) -> tuple[str, ...]:  # type: ignore[override]  # of the world whose answers are checked, too
        return (*self.task.parts, "replies", "t")

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        """A question, and an answer that could be one."""
        self.task.reset(which, rng)
        low, high = self.task.answers
        self.task.claimed[which] = rng.integers(low, high, len(which))
        self.replies[which], self.t[which] = 0, 0

    def load(self, state: State, which: Indices) -> None:
        """Take over a question and its answer; no sub-question has been answered."""
        if "replies" not in state:
            empty = np.zeros((len(which), self.length), np.int64)
            state = {**state, "replies": empty, "t": empty[:, 0]}
        super().load(state, which)

    def _asked(self) -> Array:
        """All sub-questions (n, rounds + 1, q_len), as H asks them after the replies so far; 0 where H asks none."""
        asked = np.zeros((self.n, self.length + 1, self.task.q_len), np.int64)
        still: Array = np.ones(self.n, np.bool_)
        for j in range(self.length):
            done, sub, _ = self.task.move(self.task.question, self.replies[:, :j])
            still &= ~done & (j <= self.t)
            asked[:, j] = np.where(still[:, None], sub, 0)
        return asked

    def _now(self) -> Array:
        """The sub-question (n, 1, q_len) that is to be answered."""
        return self._asked()[np.arange(self.n), self.t][:, None]

    def step(self, actions: Array) -> Bools:
        now = self._now()
        known, looked_up = self.task.primitive(now)
        reply = np.where(known[:, 0], looked_up[:, 0], np.asarray(actions) + self.task.answers[0])
        on = np.flatnonzero(self.t < self.length)
        self.replies[on, self.t[on]] = np.where((now[:, 0] != 0).any(axis=1), reply, 0)[on]
        self.t[on] += 1
        return self.t >= self.length

    def observe(self) -> NDArray[np.float32]:
        """What the world observes whose answers are checked; the sub-question; the replies so far; t/T."""
        asks = self.task
        hot = one_hot(self._now()[:, 0], asks.vocab)
        gone = (self.t / self.length)[:, None].astype(np.float32)
        return np.concatenate([asks.observe(), hot, asks.one_hot_answers(self.replies), gone], axis=1)

    def view(self) -> Floats:
        """The question and its answer; the sub-questions that have been answered, and what was answered."""
        answered = np.arange(self.length) < self.t[:, None]
        asked = np.where(answered[:, :, None], self._asked()[:, :-1], 0)
        shown = np.concatenate([asked, self.replies[:, :, None]], axis=2).reshape(self.n, -1)
        return np.concatenate([self.task.view(), shown], axis=1).astype(np.float64)

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        """The share of the sub-questions that have an answer that could be one."""
        shown = view[:, self.task.q_len + 1 :].reshape(len(view), self.length, -1).astype(np.int64)
        return np.asarray(self.task.admits(shown[:, :, :-1], shown[:, :, -1]).mean(axis=1), np.float64)

    def _right(self) -> Bools:
        """Which of the replies (n, rounds) are right."""
        return np.asarray((self.replies > 0) & (self.replies == self.task.truth(self._asked()[:, :-1])))

    def utility(self) -> Floats:
        """The share of the sub-questions that have a right answer."""
        return np.asarray(self._right().mean(axis=1), np.float64)

    def hacked(self) -> Bools:
        """Whether some answer is wrong, and H takes it."""
        admitted = self.task.admits(self._asked()[:, :-1], self.replies)
        return np.asarray((admitted & ~self._right()).any(axis=1))

    def script(self, name: str) -> Array:
        """``ideal`` gives the true answers."""
        if name not in self.scripts:
            return super().script(name)
        return np.maximum(self.task.truth(self._now())[:, 0] - self.task.answers[0], 0)

    def draw(self, i: int) -> NDArray[np.uint8]:
        """The tree of sub-questions with the replies so far."""
        replies = [self.task.name_of(int(reply)) for reply in self.replies[i, : self.t[i]] if reply]
        return draw_tree(self.task, i, replies)

    def text(self, i: int) -> str:
        """The question, its answer, and H's sub-questions with their replies."""
        asks, claimed = self.task, int(self.task.claimed[i])
        lines = [f"{asks.say(asks.question[i])} = {asks.name_of(claimed) if claimed else '?'}"]
        for question, reply in zip(self._asked()[i], [*self.replies[i], 0], strict=True):
            if question.any():
                lines.append(f"  {asks.say(question)} = {asks.name_of(int(reply)) if reply else '?'}")
        return "\n".join(lines)

# Long because: it is the contract of the families of questions, documented method by method.
"""Questions: the contract of the families in which H answers a question by asking sub-questions.

The rules of all of them. A copy has a context, which is a list of facts, and a question about it. The episode has one
step: the action is the answer. The evaluator H sees the question and the answer, and never the facts. H can decompose:
``move`` says which sub-question H asks next, or H's answer. Some questions are *primitive*: the facts say the answer,
and whoever asks one is told it. Alone, H accepts whatever answer could be one; with the answers to its sub-questions, H
accepts the answer to which its moves lead. An answer that is accepted and wrong is the hack.

The setting is that of Christiano, Shlegeris and Amodei (2018): "Supervising strong learners by amplifying weak
experts".

Questions and answers are rows of tokens, whole numbers from 0 to ``vocab - 1``; token 0 is "?": nothing known, or no
question. Questions have shape (n, q, q_len): q about the context of each of the n copies.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rrm.envs.arrays import one_hot
from rrm.envs.questions.drawing import draw_tree, write_tree
from rrm.envs.questions.evaluation import SubQuestions, outcome
from rrm.envs.world import Array, Bools, Floats, Indices, Layout, State, World

Tokens = NDArray[np.int64]


class Questions(World):
    # Long because: it is the one contract that all families of questions fulfil.
    """Answer a question about facts that the evaluator does not see.

    A subclass sets ``vocab``, ``q_len``, ``rounds``, ``facts`` and ``answers`` and then calls ``ready``; its ``parts``
    are those of this class and the arrays of a context.

    Args:
        n: the number of copies.
        settings: the settings of the world, JSON values all.
    """

    vocab: int
    """The number of tokens."""
    q_len: int
    """The number of tokens of a question."""
    rounds: int
    """The most sub-questions that H asks for one question."""
    facts: tuple[int, int]
    """How many facts a context has, and the number of tokens of each."""
    answers: tuple[int, int]
    """The first token that can be an answer, and the one after the last."""

    length = 1
    depth = 1
    scripts = ("honest", "blind")
    bounds = (0.0, 1.0)
    wrong: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Settings under which H decomposes wrongly, by what H then does."""
    parts: ClassVar[tuple[str, ...]] = ("question", "claimed")

    def ready(self) -> None:
        """Make the arrays and the layout of what the settings say."""
        low, high = self.answers
        count, tokens = self.facts
        self.actions = high - low
        self.fields = (*(f"question{i}" for i in range(self.q_len)), "answer")
        self.layout = Layout(self.vocab * (count * tokens + self.q_len) + self.actions)
        self.question: Tokens = np.zeros((self.n, self.q_len), np.int64)
        self.claimed: Tokens = np.zeros(self.n, np.int64)

    # --- what a family says -------------------------------------------------------------------------------------------

    @abstractmethod
    def draw_facts(self, rng: np.random.Generator, k: int) -> State:
        """Draw contexts.

        Args:
            rng: the generator to draw from.
            k: the number of contexts.

        Returns:
            Their arrays with leading axis k, by name.
        """

    @abstractmethod
    def draw_questions(self, rng: np.random.Generator, facts: State, q: int) -> Tokens:
        """Draw questions about contexts.

        The distribution is closed: a sub-question that H asks about one of them is primitive or can be drawn, too.

        Args:
            rng: the generator to draw from.
            facts: k contexts, as ``draw_facts`` returns them.
            q: the number of questions about each.

        Returns:
            (k, q, q_len).
        """

    @abstractmethod
    def tokens(self) -> Tokens:
        """The facts of each copy's context: (n, count, tokens)."""

    @abstractmethod
    def primitive(self, questions: Tokens) -> tuple[Bools, Tokens]:
        """Look up.

        Args:
            questions: (n, q, q_len).

        Returns:
            Which questions are primitive, (n, q), and what the facts say there, (n, q); 0 for the others.
        """

    @abstractmethod
    def move(self, questions: Tokens, replies: Tokens) -> tuple[Bools, Tokens, Tokens]:
        """H's next move. It depends on its arguments and the world's settings alone, never on the facts.

        Args:
            questions: (…, q_len).
            replies: the answers to the sub-questions so far, (…, j).

        Returns:
            Whether H is done, (…); the next sub-question, (…, q_len), all 0 where H is done; H's answer, (…), of
            meaning where H is done.
        """

    @abstractmethod
    def truth(self, questions: Tokens) -> Tokens:
        """The true answers. For metrics and the oracle only.

        Args:
            questions: (n, q, q_len).

        Returns:
            (n, q); 0 for what is no question.
        """

    @abstractmethod
    def height(self, questions: Tokens) -> Tokens:
        """The heights of the trees of sub-questions.

        Args:
            questions: (n, q, q_len).

        Returns:
            (n, q); 0 where a question is primitive, else one more than the highest of its sub-questions that counts.
        """

    @abstractmethod
    def blind(self, questions: Tokens) -> Tokens:
        """The answers that are right most often where the facts are not known.

        Args:
            questions: (…, q_len).

        Returns:
            (…).
        """

    @abstractmethod
    def blind_chance(self, questions: Tokens) -> Floats:
        """How often ``blind`` is right, over all contexts, in closed form.

        Args:
            questions: (…, q_len), not primitive.

        Returns:
            (…); nan where there is no closed form.
        """

    def hch_chance(self, questions: Tokens) -> Floats:
        """How often HCH is right, over all contexts, in closed form: always, unless H decomposes wrongly.

        Args:
            questions: (…, q_len).

        Returns:
            (…).
        """
        return np.ones(questions.shape[:-1])

    def admits(self, questions: Tokens, answers: Tokens) -> Bools:
        """Which answers could be one to the question, as who does not know the facts can see.

        Args:
            questions: (…, q_len).
            answers: (…).

        Returns:
            (…).
        """
        return np.asarray((answers >= self.answers[0]) & (answers < self.answers[1]))

    @abstractmethod
    def every_question(self) -> Tokens:
        """All questions that can be asked, primitive ones included: (m, q_len)."""

    def every_context(self) -> State | None:
        """All contexts, all equally likely; None where there are too many."""
        return None

    @abstractmethod
    def say(self, question: Tokens) -> str:
        """A question in a few letters.

        Args:
            question: (q_len,).
        """

    @abstractmethod
    def name_of(self, answer: int) -> str:
        """An answer in a few letters.

        Args:
            answer: its token.
        """

    # --- what follows -------------------------------------------------------------------------------------------------

    @property
    def context(self) -> State:
        """The arrays of the contexts of all copies."""
        return {part: getattr(self, part) for part in self.parts if part not in Questions.parts}

    def ask(self, rng: np.random.Generator, q: int) -> Tokens:
        """``q`` questions about the context of each copy, of the distribution that episodes have: (n, q, q_len).

        Args:
            rng: the generator to draw from.
            q: the number of questions.
        """
        return self.draw_questions(rng, self.context, q)

    def reset(self, which: Indices, rng: np.random.Generator) -> None:
        facts = self.draw_facts(rng, len(which))
        for part, array in facts.items():
            getattr(self, part)[which] = array
        self.question[which] = self.draw_questions(rng, facts, 1)[:, 0]
        self.claimed[which] = 0

    def step(self, actions: Array) -> Bools:
        self.claimed[:] = np.where(self.claimed == 0, np.asarray(actions) + self.answers[0], self.claimed)
        return np.ones(self.n, np.bool_)

    def observe(self) -> NDArray[np.float32]:
        """The facts and the question, each token one-hot; the answer, one-hot, once there is one."""
        tokens = np.concatenate([self.tokens().reshape(self.n, -1), self.question], axis=1)
        return np.concatenate([one_hot(tokens, self.vocab), self.one_hot_answers(self.claimed[:, None])], axis=1)

    def one_hot_answers(self, answers: Tokens) -> NDArray[np.float32]:
        """Answers, one-hot.

        Args:
            answers: (n, k).

        Returns:
            (n, k * actions); all 0 for "?".
        """
        return one_hot(np.where(answers == 0, -1, answers - self.answers[0]), self.actions)

    def view(self) -> Floats:
        """The question and the answer."""
        return np.column_stack([self.question, self.claimed]).astype(np.float64)

    def appraise(self, view: Floats, evidence: Floats | None) -> Floats:
        """Whether the answer could be one where nobody helps; else whether H's moves on the replies end in it."""
        question, claimed = view[:, : self.q_len].astype(np.int64), view[:, self.q_len].astype(np.int64)
        if evidence is None:
            return np.asarray(self.admits(question, claimed), np.float64)
        replies = evidence[:, self.q_len + 1 :].reshape(len(view), self.rounds, -1)[:, :, -1].astype(np.int64)
        return np.asarray((claimed > 0) & (outcome(self, question, replies) == claimed), np.float64)

    def utility(self) -> Floats:
        """Whether the answer is right."""
        return np.asarray((self.claimed > 0) & (self.claimed == self._truth()), np.float64)

    def hacked(self) -> Bools:
        """Whether the answer is wrong, and H accepts it alone."""
        return np.asarray(self.admits(self.question, self.claimed) & (self.claimed != self._truth()), np.bool_)

    def _truth(self) -> Tokens:
        return self.truth(self.question[:, None])[:, 0]

    def evaluation(self, level: int, n: int) -> World | None:
        if level != 1:
            return None
        return SubQuestions(n, task=f"{type(self).__module__}:{type(self).__qualname__}", **self.settings)

    def resample_hidden(self, rng: np.random.Generator) -> None:
        """Other facts, about which the same questions are asked."""
        for part, array in self.draw_facts(rng, self.n).items():
            getattr(self, part)[:] = array

    def script(self, name: str) -> Array:
        """``honest`` gives the true answer; ``blind`` the best one for who does not know the facts."""
        if name == "honest":
            return self._truth() - self.answers[0]
        return self.blind(self.question) - self.answers[0] if name == "blind" else super().script(name)

    def draw(self, i: int) -> NDArray[np.uint8]:
        """The tree of sub-questions of one copy, with the true answers, and the answer that was given."""
        return draw_tree(self, i)

    def text(self, i: int) -> str:
        """The question, the answer that was given, and the tree of sub-questions with the true answers."""
        return write_tree(self, i)

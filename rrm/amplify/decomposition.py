"""Decomposition: a human answers a question by asking sub-questions, which an assistant answers (IDA, HCH).

Amplify^H(X) of Christiano, Shlegeris, Amodei 2018 (arXiv 1810.08575), section 2.2. The human is the ``move`` of a world
of questions. It reads the question and the replies, never the facts. Sub-questions that a single fact answers are
looked up; X answers the others.
"""

from __future__ import annotations

from rrm.amplify.overseer import Overseer
from rrm.envs.questions import Questions, amplify
from rrm.envs.world import Array
from rrm.feedback.transcripts import Reply, Transcript


class Decomposition(Overseer):
    """A human who asks sub-questions, beside the evaluator that judges what an agent does."""

    @property
    def batched(self) -> bool:
        """Whether many questions are put at once: not to a subclass's own ``consult``, unless it says so."""
        return type(self).consult is Decomposition.consult

    def consult(self, world: Questions, questions: Array, reply: Reply) -> list[Transcript]:
        """How the human answers m questions, one about the facts of each copy.

        Args:
            world: m copies.
            questions: (m, length).
            reply: who answers its sub-questions.
        """
        amplified = amplify(world, questions[:, None], reply)
        asked, replies = amplified.asked[:, 0], amplified.replies[:, 0]
        turns = (asked != 0).any(axis=-1)
        helped = turns & ~world.primitive(asked)[0]
        return [
            Transcript(
                question=questions[i].tolist(),
                subquestions=asked[i, turns[i]].tolist(),
                replies=replies[i, turns[i]].tolist(),
                answer=int(amplified.answers[i, 0]),
                assistant_steps=int(helped[i].sum()),
            )
            for i in range(len(questions))
        ]

"""Transcripts: how a human answered a question by asking sub-questions, kept for good and replayed, never asked again.

A transcript is a label: it stands in the store of a round as one row, under the number of its question.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rrm.envs.world import Array
from rrm.errors import DamagedFileError

if TYPE_CHECKING:
    from rrm.envs.questions import Questions
    from rrm.feedback.labels import Labels
    from rrm.protocols import Decomposer

Reply = Callable[[Array], Array]
"""Answers sub-questions: makes of tokens (n, q, length) answers (n, q)."""

MakeAssistant = Callable[["Questions", Sequence[int]], Reply]
"""Makes the one who answers sub-questions about the facts of a world's copies, given the number of each copy's
question."""


class Transcript(NamedTuple):
    """What a human asked to answer one question, what was replied, and the answer. Token 0 is "?"."""

    question: Sequence[int]
    subquestions: Sequence[Sequence[int]]
    replies: Sequence[int]
    answer: int
    assistant_steps: int
    """How many replies the assistant gave; the others were looked up in the facts."""


def consult(
    store: Labels, overseer: Decomposer, world: Questions, questions: Array, assistant: MakeAssistant, first: int
) -> list[Transcript]:
    """The transcripts of m questions: those that the store has are read, the others made, and kept at once.

    Args:
        store: of the round.
        overseer: who is asked.
        world: m copies, each with the facts that a question is about.
        questions: (m, length).
        assistant: makes the one who answers sub-questions.
        first: the number of the first question.

    Raises:
        DamagedFileError: a row of the store is no transcript, or one of another question.
    """
    numbers = range(first, first + len(questions))
    facts = world.tokens()
    digests = {
        number: hashlib.sha256(json.dumps([world.name, facts[i].tolist(), questions[i].tolist()]).encode()).hexdigest()
        for i, number in enumerate(numbers)
    }
    known = _read(store, world, digests)
    new = np.flatnonzero([number not in known for number in numbers])
    if len(new):
        part = world.copies(len(new))
        part.load(world.save(new), np.arange(len(new)))
        asked = [numbers[i] for i in new]
        new_transcripts = overseer.consult(part, questions[new], assistant(part, asked))
        store.add(
            [_row(number, digests[number], each, overseer) for number, each in zip(asked, new_transcripts, strict=True)]
        )
        known = _read(store, world, digests)  # as they are on disk: another process may have been faster
    # The question is part of the fingerprint; the row holds the rest.
    return [known[number]._replace(question=questions[i].tolist()) for i, number in enumerate(numbers)]


def _row(number: int, digest: str, transcript: Transcript, overseer: Decomposer) -> tuple[Any, ...]:
    content = {"subquestions": transcript.subquestions, "replies": transcript.replies, "answer": transcript.answer}
    read = len(transcript.question) + len(transcript.replies)
    view = json.dumps({"question": transcript.question})
    memory = json.dumps(overseer.state_dict())
    return (
        *(
            "transcript",
            number,
            digest,
            json.dumps(content),
            read,
            transcript.assistant_steps,
            overseer.name,
            memory,
            view,
        ),
        *(b"", None),
    )


def _read(store: Labels, world: Questions, digests: dict[int, str]) -> dict[int, Transcript]:
    """The transcripts that a store has of these questions. Raises DamagedFileError."""
    transcripts = {}
    for number, text in store.given("transcript", "question", digests):
        if number not in digests:
            continue
        try:
            content = json.loads(text)
            subquestions, replies, answer = content["subquestions"], content["replies"], content["answer"]
            tokens = np.array([*(token for each in subquestions for token in each), *replies, answer])
            right = len(subquestions) == len(replies) <= world.rounds
            right &= all(len(each) == world.q_len for each in subquestions)
            if not right or tokens.dtype.kind != "i" or tokens.min() < 0 or tokens.max() >= world.vocab:
                raise ValueError("must be tokens")
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise DamagedFileError(
                f"{store.path}: transcript {number} is not what was written there: {error}"
            ) from None
        transcripts[number] = Transcript((), subquestions, replies, answer, 0)
    return transcripts

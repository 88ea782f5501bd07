"""Transcripts: how a human answered a question by asking sub-questions, kept for good and replayed, never asked again.

A transcript is a label: it stands in the store of a round as one row, under the number of its question.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from itertools import chain
from operator import index
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rrm.envs.world import Array
from rrm.errors import DamagedFileError, EvaluatorError
from rrm.text import line

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
    """The transcripts of m questions: those that the store has are read, the others made.

    Each is kept before the next question is put, unless the overseer is ``batched``.

    Args:
        store: of the round.
        overseer: who is asked.
        world: m copies, each with the facts that a question is about.
        questions: (m, length).
        assistant: makes the one who answers sub-questions.
        first: the number of the first question.

    Raises:
        DamagedFileError: a row of the store is no transcript, or one of another question.
        EvaluatorError: the overseer returned something else than a transcript of each question.
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
        store.recall(overseer, before=numbers[new[0]])
        for which in [new] if getattr(overseer, "batched", False) else new[:, None]:
            part = world.copies(len(which))
            part.load(world.save(which), np.arange(len(which)))
            asked = [numbers[i] for i in which]
            transcripts = zip(asked, _consulted(overseer, part, questions[which], assistant(part, asked)), strict=True)
            store.add([_row(number, digests[number], each, overseer) for number, each in transcripts])
        known = _read(store, world, digests)  # as they are on disk: another process may have been faster
    # The question is part of the fingerprint; the row holds the rest.
    return [known[number]._replace(question=questions[i].tolist()) for i, number in enumerate(numbers)]


def _consulted(overseer: Decomposer, world: Questions, questions: Array, reply: Reply) -> list[Transcript]:
    """How the overseer answers m questions, checked: once it is kept, a transcript is never asked again.

    Raises:
        EvaluatorError: it returned something else than m transcripts.
    """
    returned = overseer.consult(world, questions, reply)
    try:
        transcripts = [_checked(world, each) for each in returned]
        if len(transcripts) != len(questions):
            raise ValueError(f"these are {len(transcripts)}")
    except (ValueError, TypeError, AttributeError) as error:
        must = f"consult must return a transcript of each question, here {len(questions)}"
        raise EvaluatorError(f"evaluator {overseer.name!r}: {must}: {line(error)}") from None
    return [each._replace(question=question) for each, question in zip(transcripts, questions.tolist(), strict=True)]


def _checked(world: Questions, transcript: Transcript) -> Transcript:
    """The same transcript of plain whole numbers. Raises ValueError or TypeError where there are others."""
    subquestions = [[index(token) for token in each] for each in transcript.subquestions]
    replies = [index(token) for token in transcript.replies]
    answer, steps = index(transcript.answer), index(transcript.assistant_steps)
    if not len(subquestions) == len(replies) <= world.rounds:
        counts = f"{len(subquestions)} sub-questions and {len(replies)} replies"
        raise ValueError(f"{counts}: must be as many, and at most {world.rounds}")
    if any(len(each) != world.q_len for each in subquestions):
        raise ValueError(f"each sub-question must have {world.q_len} tokens")
    if not all(0 <= token < world.vocab for token in (*chain(*subquestions), *replies, answer)):
        raise ValueError(f"tokens must be from 0 to {world.vocab - 1}")
    if not 0 <= steps <= len(replies):
        raise ValueError(f"assistant_steps must be from 0 to {len(replies)}, the replies")
    return Transcript((), subquestions, replies, answer, steps)


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
        try:
            content = json.loads(text)
            fields = content["subquestions"], content["replies"], content["answer"]
            transcripts[number] = _checked(world, Transcript((), *fields, assistant_steps=0))
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise DamagedFileError(
                f"{store.path}: transcript {number} is not what was written there: {error}"
            ) from None
    return transcripts

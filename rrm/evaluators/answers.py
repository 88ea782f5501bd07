"""Answers of an evaluator to several questions, each available as soon as it exists."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any


class Answers(Iterator[Any]):
    """The answers to questions 0, 1, …, in that order. ``arrivals`` gives them in the order of their arrival.

    Use one of the two orders, not both.

    Args:
        arrivals: the index of each question and its answer.
        ready: whether the next answer has arrived already, so that getting it runs no code of the evaluator.
    """

    def __init__(self, arrivals: Iterator[tuple[int, Any]], ready: Callable[[], bool] = lambda: False) -> None:
        self.arrivals, self.ready = arrivals, ready
        self._next = 0
        self._early: dict[int, Any] = {}

    def __next__(self) -> Any:
        while self._next not in self._early:
            index, answer = next(self.arrivals)
            self._early[index] = answer
        self._next += 1
        return self._early.pop(self._next - 1)

    @classmethod
    def of(cls, answers: Iterable[Any]) -> Answers:
        """The answers of any iterable, in order.

        The answers of a list or a tuple are ready. The ``__length_hint__`` of other iterators is not relied on.

        Args:
            answers: one for each question.
        """
        if isinstance(answers, Answers):
            return answers
        iterator = iter(answers)
        is_sequence = isinstance(iterator, _SEQUENCES)
        return cls(enumerate(iterator), lambda: is_sequence and operator.length_hint(iterator) > 0)

    @classmethod
    def together(cls, members: Sequence[Answers], combine: Callable[..., Any]) -> Answers:
        """The answers of several evaluators to the same questions, combined.

        Args:
            members: the answers of each evaluator.
            combine: is called when all evaluators have answered a question, with the question's place from 0 and their
                answers.
        """
        arrivals = _combined(_in_turn(members), combine, len(members))
        return cls(arrivals, lambda: all(each.ready() for each in members))

    def map(self, combine: Callable[..., Any], size: int = 1) -> Answers:
        """The answers, each ``size`` successive ones combined.

        Args:
            combine: is called with a place from 0 and ``size`` answers; what it returns is the answer at that place.
            size: how many answers become one.
        """
        parts = ((*divmod(index, size), answer) for index, answer in self.arrivals)
        return Answers(_combined(parts, combine, size), self.ready)

    def in_order(self) -> Answers:
        """The same, whose arrivals are in the order of the questions."""
        return Answers(enumerate(self), self.ready)


_SEQUENCES: tuple[type, ...] = (type(iter([])), type(iter(())))


def _combined(
    arrivals: Iterator[tuple[int, int, Any]], combine: Callable[..., Any], size: int
) -> Iterator[tuple[int, Any]]:
    """Each index and what its ``size`` parts come to, once all of them are there. Arrivals: index, part, answer."""
    incomplete: dict[int, dict[int, Any]] = {}
    for index, part, answer in arrivals:
        parts = incomplete.setdefault(index, {})
        parts[part] = answer
        if len(parts) == size:
            yield index, combine(index, *(parts[i] for i in range(size)))
            del incomplete[index]


def _in_turn(members: Sequence[Answers]) -> Iterator[tuple[int, int, Any]]:
    """The next answer of each member, again and again: index, which member, answer."""
    asked = {member: each.arrivals for member, each in enumerate(members)}
    while asked:
        for member, arrivals in list(asked.items()):
            try:
                index, answer = next(arrivals)
            except StopIteration:
                del asked[member]
                continue
            yield index, member, answer

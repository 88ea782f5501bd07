"""Asking an evaluator that is a user's code: asynchronously, again if it fails, many questions at once."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import os
import queue
import random
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from rrm.envs.user_errors import is_raised_by_user, place_of, raised
from rrm.errors import EvaluatorError
from rrm.evaluators.answers import Answers
from rrm.evaluators.isolation import remembered
from rrm.evaluators.timeout import OutOfTime, within_time
from rrm.feedback.clips import Clip, Pair

if TYPE_CHECKING:
    from rrm.evaluators.base import Evaluator

_LOG = logging.getLogger("rrm")

SHORTEST, LONGEST = 0.1, 60.0
"""Seconds before an evaluator that failed is asked again: the first time up to the former, then twice as long each
time, but no longer than the latter."""

_JITTER = random.Random()
"""A generator of its own: the global ones belong to the evaluator while it is asked."""

Q = TypeVar("Q", Clip, Pair)


Questions = Sequence[Clip] | Sequence[Pair] | Sequence[Clip | Pair]


def what(questions: Questions) -> str:
    """Questions as a message names them: 'clip 3', 'pairs 4 to 9'.

    Args:
        questions: clips or pairs, at least one.
    """
    kind = "pair" if isinstance(questions[0], Pair) else "clip"
    first, last = questions[0].number, questions[-1].number
    return f"{kind} {first}" if len(questions) == 1 else f"{kind}s {first} to {last}"


# --- Coroutines -------------------------------------------------------------------------------------------------------


@cache
def _loop(process: int) -> asyncio.AbstractEventLoop:
    """The event loop of a process, in a thread of its own: a notebook's main thread already runs another one.

    There is one, so that a client that belongs to a loop can be kept from one question to the next.
    """
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="rrm-evaluators", daemon=True).start()
    return loop


def settled(value: Any) -> Any:
    """A value: awaited, if it is a coroutine; as an iterator, if it is an asynchronous iterator.

    Args:
        value: any.
    """
    if inspect.isawaitable(value):
        return _awaited(_of(value))
    if isinstance(value, AsyncIterator):
        return _each(value)
    return value


async def _of(value: Any) -> Any:
    return await value


def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    future = asyncio.run_coroutine_threadsafe(coroutine, _loop(os.getpid()))
    try:
        return future.result()
    except BaseException:  # out of time, Ctrl-C: nobody waits for it any longer
        future.cancel()
        raise


_END = object()


def _each(answers: AsyncIterator[Any]) -> Iterator[Any]:
    while (answer := _awaited(_next(answers))) is not _END:
        yield answer


async def _next(answers: AsyncIterator[Any]) -> Any:
    return await anext(answers, _END)


# --- One question after the other, or many at once --------------------------------------------------------------------


def in_time(evaluator: Evaluator, call: Callable[[], Any], questions: Questions) -> Any:
    """The result of ``call``, awaited.

    Args:
        evaluator: who is asked: its ``timeout``, in seconds, holds.
        call: asks it.
        questions: what it is asked, for the message.

    Raises:
        EvaluatorError: it took longer than the evaluator's ``timeout``.
    """
    try:
        return within_time(lambda: settled(call()), evaluator.timeout)
    except OutOfTime:
        raise _too_late(evaluator, questions) from None


def timed(evaluator: Evaluator, answers: Answers, questions: Questions) -> Answers:
    """The same answers, each waited for as long as the evaluator's ``timeout``.

    Args:
        evaluator: who answers.
        answers: its answers, one for each question.
        questions: what it was asked, for the message.

    Raises:
        EvaluatorError: one took longer; it is raised when that answer is read.
    """
    if evaluator.timeout is None or answers.ready():
        return answers

    def each() -> Iterator[Any]:
        for question in (*questions, questions[-1]):  # one more, which says whether there are too many
            answer = in_time(evaluator, lambda: next(answers, _END), [question])
            if answer is _END:
                return
            yield answer

    return Answers.of(each())


def _too_late(evaluator: Evaluator, questions: Questions) -> EvaluatorError:
    late = f"gave no answer to {what(questions)} within {evaluator.timeout:g} seconds"
    return EvaluatorError(f"evaluator {evaluator.name!r} {late}")


def one_by_one(evaluator: Evaluator, call: Callable[[Q], Any], questions: Sequence[Q]) -> Answers:
    """The answers of ``call`` to each question, ``evaluator.at_once`` of them asked at the same time.

    If it raises or takes too long, it is asked again, ``evaluator.retries`` times. An answer depends neither on retries
    nor on other questions, as long as it draws from the question's own generator.

    Args:
        evaluator: who is asked.
        call: asks it one question.
        questions: clips, or pairs.
    """
    if evaluator.at_once == 1 or len(questions) < 2:
        return Answers.of(_asked(evaluator, call, each) for each in questions)
    return _at_once(evaluator, call, questions)


def _asked(evaluator: Evaluator, call: Callable[[Q], Any], question: Q, stop: threading.Event | None = None) -> Any:
    retries = evaluator.retries or 0
    put_back = _memory(evaluator) if retries else None
    for attempt in range(1, retries + 2):
        try:
            return within_time(lambda: settled(call(question)), evaluator.timeout)
        except EvaluatorError:
            raise
        except (Exception, OutOfTime) as error:
            late = isinstance(error, OutOfTime)
            if attempt > retries or (stop is not None and stop.is_set()):
                if late:
                    raise _too_late(evaluator, [question]) from None
                raise
            seconds = min(LONGEST, SHORTEST * 2 ** (attempt - 1)) * _JITTER.uniform(0.5, 1.0)
            _LOG.warning(
                "evaluator %r %s on %s; it is asked again in %.1f seconds (%d of %d)",
                evaluator.name,
                f"gave no answer within {evaluator.timeout:g} seconds" if late else f"raised {raised(error)}",
                what([question]),
                seconds,
                attempt,
                retries,
            )
            (stop or threading.Event()).wait(seconds)
            if put_back is not None:
                put_back()
    raise AssertionError("unreachable")


def _memory(evaluator: Evaluator) -> Callable[[], None]:
    """Puts back what an attempt that fails may have changed: the state of the evaluator, and of global generators.

    Those generators are left alone where many questions are asked at once: they are shared by all of them.
    """
    calls: list[Callable[[], None]] = []
    if evaluator.at_once == 1:
        calls.append(remembered())
    if evaluator.stateful:
        memory = copy.deepcopy(evaluator.state_dict())
        calls.append(lambda: evaluator.load_state_dict(copy.deepcopy(memory)))

    def put_back() -> None:
        for call in calls:
            call()

    return put_back


def _at_once(evaluator: Evaluator, call: Callable[[Q], Any], questions: Sequence[Q]) -> Answers:
    """The answers as they arrive. If one question fails for good, the answers under way are awaited and stored."""
    left = iter(enumerate(questions))
    lock, stop = threading.Lock(), threading.Event()
    answers: deque[tuple[int, Any]] = deque()
    came: queue.SimpleQueue[tuple[int, BaseException] | bool] = queue.SimpleQueue()  # True: an answer; False: an end

    def ask() -> None:
        while not stop.is_set():
            with lock:
                index, question = next(left, (-1, None))
            if question is None:
                break
            try:
                answers.append((index, _asked(evaluator, call, question, stop)))
                came.put(True)
            except BaseException as error:  # of whatever kind: it is raised where the answers are taken
                stop.set()
                came.put((index, error))
        came.put(False)

    def arrivals() -> Iterator[tuple[int, Any]]:
        asking, failed = min(evaluator.at_once, len(questions)), None
        for _ in range(asking):
            # They do not keep the process alive: an executor would wait at its end for a call that hangs.
            threading.Thread(target=ask, daemon=True).start()
        try:
            while asking:
                arrived = came.get()
                if arrived is True:
                    yield answers.popleft()
                elif arrived is False:
                    asking -= 1
                else:
                    failed = failed or arrived
        finally:
            stop.set()
        if failed is not None:
            index, error = failed
            if isinstance(error, EvaluatorError) or not is_raised_by_user(error):
                raise error
            raise broken(evaluator.name, error, [questions[index]]) from error

    return Answers(arrivals(), ready=lambda: bool(answers))


# --- What it is told that made it -------------------------------------------------------------------------------------


def broken(name: str, error: BaseException, questions: Questions) -> EvaluatorError:
    """The error that an evaluator raised, where in its code, and on which questions; for a missing field, the fields
    that there are.

    Args:
        name: of the evaluator.
        error: what it raised.
        questions: what it was asked, at least one.
    """
    text = f"evaluator {name!r} raised {raised(error)} on {what(questions)}"
    if where := place_of(error):
        text += f", at {where}"
    clip = questions[0].first if isinstance(questions[0], Pair) else questions[0]
    known = {*clip.fields, *clip.evidence_fields}
    if isinstance(error, KeyError) and error.args and error.args[0] not in known:
        text += f"; a clip of this world has {', '.join(map(repr, sorted(known)))}"
    return EvaluatorError(text)

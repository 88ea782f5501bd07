"""Evaluators that are slow, asynchronous or unreliable get through; no answer is lost or bought twice."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rrm.amplify.overseer import Overseer
from rrm.config.load import load
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.errors import ConfigError, EvaluatorError
from rrm.evaluators import Committee, Evaluator, Flawed, Function, asking, resolve
from rrm.feedback.clips import Clip, Pair
from rrm.feedback.labels import Labels
from rrm.rounds.plan import plan
from tests.helpers.judging import StatefulEvaluator, some_clips, visible
from tests.helpers.training import SHORT, train

WORLD = TidyRooms(1)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever fails is asked again at once."""
    monkeypatch.setattr(asking, "SHORTEST", 1e-4)


def scores(spec: Any, n: int = 6) -> list[float]:
    answers: list[float] = Overseer(resolve(spec)(WORLD), []).score(some_clips(n)).tolist()
    return answers


VISIBLE = [visible(clip) for clip in some_clips(6)]

# Over HTTP


@contextmanager
def served(failing: bool) -> Iterator[tuple[str, Counter[str]]]:
    """A judge that answers over HTTP; two of seven calls fail, if it is ``failing``. Its address, and what it has
    answered."""
    calls, answered = iter(range(10**6)), Counter[str]()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if failing and next(calls) % 7 in (1, 4):
                self.send_error(503)
                return
            answered[question["of"]] += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(question["at"] * 1.5).encode())

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", answered
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Remote:
    """Asks somebody else. Whether each call fails is not its business."""

    def __init__(self, address: str) -> None:
        self.address = address

    def score(self, clips: Sequence[Clip]) -> list[float]:
        return [self.ask(clip) for clip in clips]

    def ask(self, clip: Clip) -> float:
        question = json.dumps({"of": clip.digest(), "at": clip.view["at"]}).encode()
        with urllib.request.urlopen(urllib.request.Request(self.address, data=question)) as answer:
            return float(json.load(answer))


@pytest.mark.parametrize("concurrency", [1, 8])
def test_a_judge_over_http_that_fails_gets_through(tmp_path: Path, concurrency: int) -> None:
    """Bit for bit as one that never fails, and every answer given once."""
    left = []
    for failing in (False, True):
        with served(failing) as (address, answered):
            judge = {"name": Remote, "address": address, "retries": 20, "concurrency": concurrency if failing else 1}
            last = plan(load({**SHORT, "evaluator": judge}).conditions["unaided"], 0)
            train(last, tmp_path / str(failing))
        assert sorted(answered.values()) == [1] * last.round.labels
        home = tmp_path / str(failing) / last.name
        left.append([(home / name).read_bytes() for name in ("agent.safetensors", "reward.safetensors", "metrics.csv")])
    assert left[0] == left[1]


# Coroutines


async def later(clip: Clip) -> float:
    await asyncio.sleep(0)
    return visible(clip)


async def preferring(first: Clip, second: Clip) -> float | None:
    await asyncio.sleep(0)
    return None if first.number == 2 else float(visible(first) > visible(second))


class Coroutines:
    async def score(self, clips: Sequence[Clip]) -> list[float]:
        return [await later(clip) for clip in clips]

    async def compare(self, pairs: Sequence[Pair]) -> AsyncIterator[float | None]:
        for pair in pairs:
            yield await preferring(pair.first, pair.second)


class AsyncGenerator(Evaluator):
    async def score(self, clips: Sequence[Clip]) -> AsyncIterator[float]:
        for clip in clips:
            yield await later(clip)


@pytest.mark.parametrize("judge", [later, Coroutines, Coroutines(), AsyncGenerator])
@pytest.mark.parametrize("settings", [{}, {"concurrency": 3}, {"retries": 2}, {"timeout": 60}])
def test_coroutines_judge(judge: Any, settings: dict[str, Any]) -> None:
    assert scores({"name": judge, **settings}) == VISIBLE


@pytest.mark.parametrize("judge", [preferring, Coroutines])
@pytest.mark.parametrize("settings", [{}, {"concurrency": 2}])
def test_coroutines_compare(judge: Any, settings: dict[str, Any]) -> None:
    clips = some_clips(6)
    pairs = [Pair(i, *clips[2 * i : 2 * i + 2]) for i in range(3)]
    right = [None if pair.number == 1 else float(visible(pair.first) > visible(pair.second)) for pair in pairs]
    assert Overseer(resolve({"name": judge, **settings})(WORLD), []).compare(pairs) == right


def test_coroutines_judge_where_a_loop_runs_already() -> None:
    """As in a notebook; and always in one and the same loop, to which a client of theirs may belong."""
    loops = set()

    async def judge(clip: Clip) -> float:
        loops.add(asyncio.get_running_loop())
        return await later(clip)

    async def notebook() -> list[float]:
        return scores(judge)

    assert asyncio.run(notebook()) == scores(judge) == VISIBLE and len(loops) == 1


def test_a_coroutine_that_hangs_is_not_waited_for() -> None:
    async def stuck(clip: Clip) -> float:
        await asyncio.Event().wait()
        return 0.0

    for settings in ({}, {"concurrency": 2}):
        with pytest.raises(EvaluatorError, match=r"^evaluator 'stuck' gave no answer to clip \d within 0.05 seconds$"):
            scores({"name": stuck, "timeout": 0.05, **settings})


# Again, and many at once


def unreliable(judge: Callable[[Clip], float], failures: int = 2) -> Callable[[Clip], float]:
    """Fails so often at each question."""
    asked: Counter[int] = Counter()

    def failing(clip: Clip) -> float:
        asked[clip.number] += 1
        answer = judge(clip)
        if asked[clip.number] <= failures:
            raise ConnectionError("gone")
        return answer

    return failing


def drawing(clip: Clip) -> float:
    return float(np.random.rand()) + float(clip.rng.random())  # noqa: NPY002


def test_who_fails_is_asked_again_and_says_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """Also what is drawn from the global generators, and what is remembered, is as if it had not failed."""
    with caplog.at_level(logging.WARNING, "rrm"):
        assert scores({"name": unreliable(drawing), "retries": 2}) == scores(drawing)
    assert len(caplog.messages) == 12
    warning = r"evaluator 'failing' raised ConnectionError: gone on clip 0; it is asked again in 0.0 seconds (1 of 2)"
    assert caplog.messages[0] == warning

    class Forgetful(StatefulEvaluator):
        attempts = 0

        def score(self, clips: Sequence[Clip]) -> Any:
            answers = super().score(clips)
            self.attempts += 1
            if self.attempts % 3:
                raise ConnectionError("gone")
            return answers

    assert scores({"name": Forgetful, "retries": 5}) == scores(StatefulEvaluator)
    with pytest.raises(EvaluatorError, match="raised ConnectionError: gone on clip 0, at "):
        scores({"name": unreliable(visible), "retries": 1})


def test_waits_grow_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "SHORTEST", 0.5)
    waits: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda self, seconds: waits.append(seconds))
    assert scores({"name": unreliable(visible, failures=12), "retries": 12}, 1) == [visible(some_clips(1)[0])]
    bounds = [min(60.0, 0.5 * 2**i) for i in range(12)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    assert len({round(wait / bound, 6) for wait, bound in zip(waits, bounds, strict=True)}) > 6


@pytest.mark.parametrize("bad", [float("nan"), "good", SystemExit(3)])
def test_a_wrong_answer_is_not_asked_for_again(bad: Any) -> None:
    asked: list[int] = []

    def judge(clip: Clip) -> Any:
        asked.append(clip.number)
        if isinstance(bad, BaseException):
            raise bad
        return bad

    with pytest.raises(EvaluatorError):
        scores({"name": judge, "retries": 5}, 1)
    assert asked == [0]


@pytest.mark.parametrize("concurrency", [1, 3])
def test_who_hangs_is_asked_again(concurrency: int) -> None:
    asked: Counter[int] = Counter()
    release = threading.Event()

    def judge(clip: Clip) -> float:
        asked[clip.number] += 1
        if asked[clip.number] == 1:
            release.wait(60)
        return visible(clip)

    assert scores({"name": judge, "retries": 1, "timeout": 0.1, "concurrency": concurrency}) == VISIBLE
    release.set()
    assert set(asked.values()) == {2}


def test_as_many_are_asked_at_once_as_it_says_and_no_more() -> None:
    together = threading.Barrier(3, timeout=60)
    asked, most, lock = set(), [0], threading.Lock()

    def judge(clip: Clip) -> float:
        with lock:
            asked.add(clip.number)
            most[0] = max(most[0], len(asked))
        together.wait()
        with lock:
            asked.remove(clip.number)
        return visible(clip)

    assert scores({"name": judge, "concurrency": 3}) == VISIBLE
    assert most == [3]


@pytest.mark.parametrize(
    "spec",
    [
        lambda judge: {"of": judge, "noise": 0.5, "anchor": 0.3, "mistake": 0.2},
        lambda judge: {"of": judge, "noise": 0.5, "bias": {"carrying": 2.0}},
        lambda judge: {"committee": [judge, {"of": judge, "noise": 1.0}], "by": "mean"},
    ],
)
def test_flaws_and_committees_are_as_without(spec: Callable[[Any], Any]) -> None:
    def noisy(clip: Clip) -> float:
        time.sleep(0.001 * (clip.number % 3))  # so that answers come in another order
        return visible(clip) + clip.rng.random()

    plain = scores(spec(noisy))
    assert scores(spec({"name": noisy, "concurrency": 4})) == plain
    assert scores({**spec(noisy), "concurrency": 4, "retries": 2}) == plain


def test_each_answer_is_kept_when_it_comes(tmp_path: Path) -> None:
    """The first one never does; those that are being given when it fails are waited for."""
    labels, clips = Labels(tmp_path / "labels.sqlite"), some_clips(6)
    others = threading.Semaphore(0)

    def judge(clip: Clip) -> float:
        if clip.number == 0:
            for _ in range(5):
                others.acquire(timeout=60)
            raise ConnectionError("gone")
        others.release()
        return visible(clip)

    for made in (Function(judge), Flawed(Function(judge)), Committee([Function(judge)])):
        amplified = Overseer(made.asked_with({"concurrency": 2}), [])
        with pytest.raises(EvaluatorError, match="raised ConnectionError: gone on clip 0, at "):
            labels.ask(amplified, clips)
        assert labels.cost().labels == 5
        labels.close()
        (tmp_path / "labels.sqlite").unlink()
        labels = Labels(tmp_path / "labels.sqlite")
    with pytest.raises(EvaluatorError):
        labels.ask(Overseer(Function(judge).asked_with({"concurrency": 2}), []), clips)
    asked: list[int] = []

    def again(clip: Clip) -> float:
        asked.append(clip.number)
        return visible(clip)

    assert labels.ask(Overseer(Function(again), []), clips).tolist() == VISIBLE and asked == [0]
    labels.close()


def test_what_depends_on_earlier_answers_is_asked_in_turn() -> None:
    with pytest.raises(ConfigError, match=r"^evaluator: .*: concurrency: 2: must be 1, since its answers depend on"):
        resolve({"name": StatefulEvaluator, "concurrency": 2})(WORLD)
    with pytest.raises(ConfigError, match="concurrency: 2: must be 1"):
        resolve({"of": StatefulEvaluator, "noise": 1, "concurrency": 2})(WORLD)
    assert len(set(scores({"of": {"name": visible, "concurrency": 2}, "anchor": 0.5}))) > 1

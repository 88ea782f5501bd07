"""A judge over HTTP that takes 50 ms a call and fails two calls in seven: one question at a time, and eight at once.

    python -m benchmarks.http_judge

Prints how long 256 labels take, how often the judge was called, how often it answered, and whether the answers are
those of a judge that never fails.
"""

from __future__ import annotations

import json
import logging
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from rrm.amplify.overseer import Overseer
from rrm.envs.families.tidy_rooms import TidyRooms
from rrm.evaluators import resolve
from rrm.feedback.clips import Clip
from rrm.feedback.labels import Labels
from rrm.feedback.recorder import Recorder
from rrm.streams import Purpose, Streams

LABELS, SECONDS = 256, 0.05


class Server(ThreadingHTTPServer):
    """Counts its calls and its answers."""

    def __init__(self, failing: bool) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.failing, self.lock = failing, threading.Lock()
        self.calls, self.answered = 0, Counter[int]()


class Answer(BaseHTTPRequestHandler):
    """Judges by what it is sent; or fails, when it is its turn to."""

    def do_POST(self) -> None:
        server: Any = self.server
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        time.sleep(SECONDS)
        with server.lock:
            server.calls += 1
            fails = server.failing and server.calls % 7 in (2, 5)
            server.answered[question["number"]] += not fails
        if fails:
            self.send_error(503)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(-question["visible_dirt"]).encode())

    def log_message(self, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def served(failing: bool) -> Iterator[Server]:
    """The judge, while it runs."""
    server = Server(failing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def clips() -> list[Clip]:
    """One clip of each of so many episodes, played at random."""
    world, rng = TidyRooms(LABELS), np.random.default_rng(0)
    everyone, recorder = np.arange(LABELS), Recorder(world)
    world.reset(everyone, rng)
    recorder.started(world, everyone)
    for _ in range(8):
        actions = rng.integers(world.actions, size=LABELS)
        recorder.stepped(world, actions, world.step(actions))
    candidates = recorder.candidates(world, everyone)
    streams = Streams.of_round(0, 0).part(Purpose.LABELS)
    return [candidates.clip(i, i, streams) for i in range(LABELS)]


def run(failing: bool, **settings: int) -> tuple[float, int, int, list[float]]:
    """Seconds, calls, answers, and the labels."""
    with served(failing) as server, tempfile.TemporaryDirectory() as folder:

        def judge(clip: Clip) -> float:
            data = json.dumps({"number": clip.number, "visible_dirt": clip.view["visible_dirt"]}).encode()
            request = urllib.request.Request(f"http://127.0.0.1:{server.server_address[1]}", data=data)
            with urllib.request.urlopen(request) as answer:
                return float(json.load(answer))

        labels = Labels(Path(folder) / "labels.sqlite")
        begun = time.perf_counter()
        answers = labels.ask(Overseer(resolve({"name": judge, **settings})(TidyRooms(1)), []), clips())
        seconds = time.perf_counter() - begun
        labels.close()
        return seconds, server.calls, sum(server.answered.values()), answers.tolist()


def main() -> None:
    """Print the table."""
    logging.getLogger("rrm").setLevel(logging.ERROR)
    *_, right = run(failing=False)
    print("| concurrency | seconds | calls | answers | as without failures |\n| --- | --- | --- | --- | --- |")
    for concurrency in (1, 8):
        seconds, calls, answered, answers = run(failing=True, retries=20, concurrency=concurrency)
        print(f"| {concurrency} | {seconds:.1f} | {calls} | {answered} | {answers == right} |", flush=True)


if __name__ == "__main__":
    main()

"""The small run of ``benchmarks.crash``, and its judges. Each writes down what it is asked, before it answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import rrm
from rrm.feedback.clips import Clip, Pair
from tests.helpers.tiny import LINE

CONFIG: dict[str, Any] = {
    "experiment": "small",
    "env": LINE,
    "seeds": [0],
    "workers": 1,
    "episodes": 8,
    "amplify": {"start_states": "world"},
    "conditions": {"unaided": {}, "assisted": {"assistants": "trained"}},
    "task": {"steps": 192, "labels": 6, "initial_labels": 4},
    "assistant": {"steps": 128, "labels": 4, "initial_labels": 3},
    "learner": {"num_envs": 8, "n_steps": 8, "batch_size": 64, "n_epochs": 1, "net_arch": [4]},
    "distill": {"ensemble_size": 2, "hidden": 4, "fit_steps": 1},
}


def _log(question: Clip | Pair, answer: float) -> float:
    """Write down that the question was put in this process, and what is answered."""
    number = os.open(os.environ["CRASH_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(number, f"{os.getpid()} {question.digest()} {answer!r}\n".encode())
    os.fsync(number)
    os.close(number)
    return answer


def _opinion(question: Clip | Pair) -> float:
    """A number from 1/4 to 3/4 that no other question is answered with."""
    return 0.25 + 0.5 * int(question.digest()[:13], 16) / 16**13


class StatefulJudge(rrm.Evaluator):
    """Asked one clip at a time, for its answer depends on the last one."""

    last = 0.5

    def score(self, clips: Sequence[Clip]) -> list[float]:
        (clip,) = clips
        self.last = 0.5 * self.last + clip.view["at"] + _opinion(clip)
        return [_log(clip, self.last)]

    def state_dict(self) -> dict[str, Any]:
        return {"last": self.last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.last = state["last"]


class Yielding(rrm.Evaluator):
    """Asked for a batch, and yields one score after the other."""

    def score(self, clips: Sequence[Clip]) -> Iterator[float]:
        for clip in clips:
            yield _log(clip, clip.view["at"] + _opinion(clip))


class Comparing(rrm.Evaluator):
    """The same with preferences."""

    def compare(self, pairs: Sequence[Pair]) -> Iterator[float]:
        for pair in pairs:
            yield _log(pair, _opinion(pair))


class AtOnce(rrm.Evaluator):
    """Asked for a batch, and returns all its scores together."""

    def score(self, clips: Sequence[Clip]) -> list[float]:
        return [_log(clip, clip.view["at"] + _opinion(clip)) for clip in clips]


JUDGES = (StatefulJudge, Yielding, Comparing, AtOnce)

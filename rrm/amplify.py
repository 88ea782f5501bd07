"""Amplification: an evaluator with the help of earlier agents.

``oversee(k, s)``: A_k acts from s in its evaluation world, A_{k-1} from where A_k stopped, …, A_1; the evaluator reads
what it sees then. The recursion of iterated amplification (Christiano et al. 2018, arXiv 1810.08575), with the help of
recursive reward modeling (Leike et al. 2018, arXiv 1811.07871).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rrm.agents.assistants import Assistant
from rrm.clips import Clip
from rrm.envs.world import Array, Floats
from rrm.errors import EvaluatorError
from rrm.evaluators import Evaluator


@dataclass(frozen=True)
class Judgment:
    """One answer, and what it cost: fields read by the evaluator, steps taken by the assistants."""

    score: float
    fields_read: int
    assistant_steps: int


class Overseer(Evaluator):
    """An evaluator and its assistants, those trained first acting last. It has the same ``score``: it is an evaluator.

    Whatever the evaluator answers is checked: one finite number a clip. What the evaluator reads, and so what a
    judgment costs in fields, is the clip's last view and the evidence.
    """

    def __init__(self, evaluator: Evaluator, assistants: Sequence[Assistant]) -> None:
        self.evaluator = evaluator
        self.assistants = list(assistants)
        self.costly = evaluator.costly  # type: ignore[misc]

    @property
    def name(self) -> str:
        return self.evaluator.name

    def score(self, clips: Sequence[Clip]) -> Floats:
        """Scores (m,) of m clips, asked by the way: an evaluator that remembers forgets that it was asked."""
        memory = copy.deepcopy(self.state_dict())
        scores = np.array([judgment.score for judgment in self.judge(clips)])
        self.load_state_dict(memory)
        return scores

    def judge(self, clips: Sequence[Clip]) -> Iterator[Judgment]:
        """The judgments one by one, as the evaluator gives them.

        Raises:
            EvaluatorError: the evaluator raised, or did not answer with one finite number a clip.
        """
        if not clips:
            return
        shown, steps = self._assist(clips)
        answers = self._answers(shown)
        for clip, step in zip(shown, steps.tolist(), strict=True):
            try:
                answer = next(answers)
            except StopIteration:
                raise EvaluatorError(f"evaluator {self.name!r} gave no answer to clip {clip.number}") from None
            read = len(clip.fields) + len(clip.evidence_fields)
            yield Judgment(self._checked(answer, clip), read, step)

    def _assist(self, clips: Sequence[Clip]) -> tuple[list[Clip], Array]:
        steps = np.zeros(len(clips), dtype=np.int64)
        if not self.assistants:
            return [clip.shown() for clip in clips], steps
        states = [clip.state for clip in clips]
        if any(state is None for state in states):
            raise ValueError("an assisted overseer needs the saved state of each clip")
        first = states[0]
        assert first is not None
        state = {name: np.concatenate([s[name] for s in states if s is not None]) for name in first}
        generators = [clip.rng for clip in clips]
        for assistant in reversed(self.assistants):
            world, taken = assistant.act(state, generators)
            steps += taken
            state = world.save(np.arange(len(clips)))
        evidence = world.view()
        return [clip.shown(world.fields, evidence[i]) for i, clip in enumerate(clips)], steps

    def _answers(self, clips: Sequence[Clip]) -> Iterator[Any]:
        given = 0
        try:
            for answer in self.evaluator.answers(clips):
                yield answer
                given += 1
        except EvaluatorError:
            raise
        except Exception as error:  # a user's code: any error of it is the evaluator's
            at_once = type(self.evaluator).answers is Evaluator.answers and not self.evaluator.remembers
            first, last = clips[given].number, clips[-1].number
            where = f"clips {first} to {last}" if at_once and first < last else f"clip {first}"
            raise EvaluatorError(f"evaluator {self.name!r} raised {_one_line(error)} on {where}") from error

    def _checked(self, answer: Any, clip: Clip) -> float:
        try:
            array = np.asarray(answer)
        except Exception:  # a ragged list, a tensor with a gradient, …
            array = np.empty(0)
        if array.shape != () or array.dtype.kind not in "bifu" or not math.isfinite(array):
            raise EvaluatorError(
                f"evaluator {self.name!r} answered {_short(answer)} to clip {clip.number}; it must be one finite number"
            )
        return float(array)

    def state_dict(self) -> dict[str, Any]:
        return self.evaluator.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.evaluator.load_state_dict(state)


def amplify(evaluator: Evaluator, assistants: Sequence[Assistant]) -> Overseer:
    """The evaluator with the help of ``assistants``, A_1 first."""
    return Overseer(evaluator, assistants)


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."

"""How far an evaluator's mind is changed by what it is shown: what assistants that point at something are paid by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from rrm.envs.world import POINTER, Floats
from rrm.errors import ConfigError
from rrm.evaluators.base import Derived, Evaluator, checked
from rrm.feedback.clips import Clip


class ChangeOfMind(Evaluator):
    """|what ``of`` says with help − what it says without|, of one and the same clip.

    Judged are clips of an evaluation world whose view is that of the task, frame after frame, and behind it pointers
    (``POINTER``). ``of`` is asked twice about the clip so far, and what it draws is the same both times: it looks for
    itself at what is pointed at, so that its mind is changed by what was there, not by who says so.

    Raises:
        ConfigError: ``of`` only compares.
    """

    def __init__(self, of: Evaluator) -> None:
        if of.compares_only:
            raise ConfigError(f"evaluator: {of.name!r} only compares: how far its mind is changed needs its scores")
        self.of = of
        self.patience = None if of.patience is None else 2 * of.patience
        self.costly = of.costly  # type: ignore[misc]

    @property
    def name(self) -> str:
        return f"change of mind of {self.of.name}"

    def looks_back(self, comparing: bool) -> bool:
        return self.of.looks_back(comparing=False)

    def score(self, clips: Sequence[Clip]) -> Floats:
        return np.array(list(self.answers(clips)))

    def answers(self, clips: Sequence[Clip]) -> Iterator[float]:
        asked = [each for clip in clips for each in _without_and_with(clip)]
        answers = self.of.answers(asked)
        return Derived(self._changes(clips, answers), answers)

    def _changes(self, clips: Sequence[Clip], answers: Iterator[Any]) -> Iterator[float]:
        for clip in clips:
            without, helped = (checked(self.of.name, next(answers, None), clip) for _ in range(2))
            yield abs(helped - without)

    @property
    def remembers(self) -> bool:
        return self.of.remembers

    def state_dict(self) -> dict[str, Any]:
        return self.of.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.of.load_state_dict(state)


def _without_and_with(clip: Clip) -> tuple[Clip, Clip]:
    """The clip of the task: without what points at its frames, and with it as evidence."""
    own = [not name.startswith(POINTER) for name in clip.fields]
    fields = tuple(name for name, mine in zip(clip.fields, own, strict=True) if mine)
    alone = replace(clip, fields=fields, views=clip.views[:, own])
    return alone, alone.shown(clip.fields, clip.views[-1])

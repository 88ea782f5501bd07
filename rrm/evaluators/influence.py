"""How far an evaluator's mind is changed by what it is shown: what assistants that point at something are paid by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rrm.envs.world import POINTER
from rrm.errors import ConfigError
from rrm.evaluators.answers import Answers
from rrm.evaluators.base import Evaluator, checked
from rrm.evaluators.wrapper import Wrapper
from rrm.feedback.clips import Clip


class ChangeOfMind(Wrapper):
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
        super().__init__([of])
        self.judges_assistants = False

    @property
    def name(self) -> str:
        return f"change of mind of {self.of.name}"

    def looks_back(self, comparing: bool) -> bool:
        return self.of.looks_back(comparing=False)

    def answers(self, clips: Sequence[Clip]) -> Answers:
        asked = [each for clip in clips for each in _without_and_with(clip)]

        def change(index: int, *answers: Any) -> float:
            without, helped = (checked(self.of.name, answer, clips[index]) for answer in answers)
            return abs(helped - without)

        return Answers.of(self.of.answers(asked)).map(change, size=2)


def _without_and_with(clip: Clip) -> tuple[Clip, Clip]:
    """The clip of the task: without what points at its frames, and with it as evidence."""
    own = [not name.startswith(POINTER) for name in clip.fields]
    fields = tuple(name for name, mine in zip(clip.fields, own, strict=True) if mine)
    alone = replace(clip, fields=fields, views=clip.views[:, own])
    return alone, alone.shown(clip.fields, clip.views[-1])

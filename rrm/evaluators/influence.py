"""Influence, the reward of assistants that point at frames: how much these frames change the evaluator's score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rrm.envs.world import POINTER
from rrm.errors import ConfigError
from rrm.evaluators.answers import Answers
from rrm.evaluators.base import Evaluator
from rrm.evaluators.checks import checked
from rrm.evaluators.wrapper import Wrapper
from rrm.feedback.clips import Clip


class Influence(Wrapper):
    """The influence of help on an evaluator: the absolute difference of a clip's scores with and without help.

    The clips are those of an evaluation world whose view is the task's view, frame after frame, followed by pointers to
    frames (``POINTER``). ``of`` scores the task's clip twice, with the same random draws: without the pointers, and
    with them as evidence. It looks at the frames itself, so only what they show can change its score.

    Args:
        of: the task's evaluator.

    Raises:
        ConfigError: ``of`` only compares.
    """

    def __init__(self, of: Evaluator) -> None:
        if of.compares_only:
            raise ConfigError(f"evaluator: {of.name!r} only compares: the influence of help is measured by its scores")
        super().__init__([of])
        self.judges_assistants = False

    @property
    def name(self) -> str:
        return f"influence on {self.of.name}"

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

"""The world's own evaluators."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rrm.envs.world import Floats, Indices, World
from rrm.evaluators.base import Evaluator
from rrm.feedback.clips import Clip


class Bounded(Evaluator):
    """The world's own evaluator, ``World.appraise``: it knows the fields of the view, or of the evidence, and no more.

    Args:
        world: the world that it judges.
    """

    free = True

    def __init__(self, world: World) -> None:
        self._appraise = world.appraise

    @property
    def name(self) -> str:
        return "bounded"

    def score(self, clips: Sequence[Clip]) -> Floats:
        views = np.stack([clip.views[-1] for clip in clips])
        return _by_help(clips, lambda which, evidence: self._appraise(views[which], evidence))


class Approving(Evaluator):
    """The world's own evaluator, as far as it judges actions: by the views before and after the last action.

    Args:
        world: the world that it judges.
    """

    free = True

    def __init__(self, world: World) -> None:
        self._approve = world.approve

    @property
    def name(self) -> str:
        return "bounded (of actions)"

    def score(self, clips: Sequence[Clip]) -> Floats:
        before, after = (np.stack([clip.views[i] for clip in clips]) for i in (-2, -1))
        actions = np.stack([clip.actions[-1] for clip in clips])
        return _by_help(
            clips, lambda which, evidence: self._approve(before[which], actions[which], after[which], evidence)
        )


def _by_help(clips: Sequence[Clip], read: Callable[[Indices, Floats | None], Floats]) -> Floats:
    """Scores (m,) of m clips by ``read``, which gets the indices (k,) of clips: those of helped clips with the evidence
    (k, e), and those of the others without."""
    shown = {i: clip.evidence_values for i, clip in enumerate(clips) if clip.evidence_values is not None}
    helped, alone = np.array([*shown], np.intp), np.setdiff1d(np.arange(len(clips)), [*shown])
    scores = np.empty(len(clips))
    if len(helped):
        scores[helped] = read(helped, np.stack([*shown.values()]))
    if len(alone):
        scores[alone] = read(alone, None)
    return scores

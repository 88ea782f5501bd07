"""Assistance, the help of recursive reward modeling: earlier agents act before the evaluator looks again.

A_k acts in its evaluation world, starting from the state that is judged. A_{k-1} acts from where A_k stopped, and so on
down to A_1. The evaluator then reads what it sees there, the evidence (Leike et al. 2018, arXiv 1811.07871, section
3.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rrm.agents.assistants import Assistant, act_in_turn
from rrm.envs.world import Array
from rrm.feedback.clips import Clip
from rrm.streams import Purpose


def assist(clips: Sequence[Clip], assistants: Sequence[Assistant]) -> tuple[list[Clip], Array]:
    """Show the evaluator each clip, with what the assistants have brought to light.

    Args:
        clips: m clips, each with its saved state if there are assistants.
        assistants: A_1 first; the last one acts first.

    Returns:
        The m clips as the evaluator is shown them, and the steps (m,) that the assistants took for each.

    Raises:
        ValueError: there are assistants, and a clip has no state.
    """
    steps = np.zeros(len(clips), dtype=np.int64)
    if not assistants:
        return [clip.shown() for clip in clips], steps
    states = [clip.state for clip in clips if clip.state is not None]
    if len(states) < len(clips):
        raise ValueError("an assisted overseer needs the saved state of each clip")
    state = {name: np.concatenate([each[name] for each in states]) for name in states[0]}
    drawing = clips if any(each.policy is None for each in assistants) else ()  # a generator takes long to make
    generators = [clip.streams.generator(Purpose.ASSISTANTS, clip.number) for clip in drawing]
    acted = list(act_in_turn(assistants, state, generators))
    for _, taken in acted:
        steps += taken
    world = acted[-1][0]
    evidence = world.view()
    return [clip.shown(world.fields, evidence[i]) for i, clip in enumerate(clips)], steps

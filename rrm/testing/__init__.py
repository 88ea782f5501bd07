"""What a project that brings its own evaluator, distiller, learner or amplifier tests it with.

    from rrm.testing import check_evaluator, check_resume, clips

    check_evaluator("judges.py:Strict")                        # each answer is one finite number, the same in any batch
    check_resume(tmp_path, distill="clone.py:Clone")           # stopped after any rollout, it ends with the same bytes
    clips("rrm/MyWorld-v0", 5)                                 # what an evaluator is shown

``rrm.envs.check`` has the checks for worlds, as ``rrm check`` runs them. ``CORRIDOR`` is the id of the world in which
these checks run. It is small enough that everything in it can be worked out by hand.
"""

from __future__ import annotations

from rrm.envs.adapters import register
from rrm.testing.corridor import CORRIDOR, Corridor, CorridorInspection
from rrm.testing.evaluators import check_evaluator, clips
from rrm.testing.runs import check_resume

__all__ = ["CORRIDOR", "Corridor", "CorridorInspection", "check_evaluator", "check_resume", "clips"]

register("rrm-testing/Corridor-v0", Corridor)
register("rrm-testing/CorridorInspection-v0", CorridorInspection)

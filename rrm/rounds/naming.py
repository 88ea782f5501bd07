"""What a round is named by: all that it depends on. Settings at their defaults are no part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from rrm.choices import AMPLIFY, DISTILL, LEARNER
from rrm.envs.wrapped.making import name_of
from rrm.evaluators import identity
from rrm.feedback import demonstrations
from rrm.rounds.env_code import env_code

if TYPE_CHECKING:
    from rrm.rounds.plan import Plan

FORMAT = 3
"""Of how a round is run: its streams of random numbers, and the defaults of its settings, which its name leaves out."""


def _changed(settings: BaseModel, *, only: set[str] | None = None, but: set[str] | None = None) -> dict[str, Any]:
    """The settings that are not at their defaults, as JSON-able values, so that a new one renames no round."""
    return settings.model_dump(mode="json", include=only, exclude=but, exclude_defaults=True)


def content(plan: Plan) -> dict[str, Any]:
    """All that a round depends on, as JSON-able values."""
    c = plan.condition
    found: dict[str, Any] = {
        "format": FORMAT,
        "env": name_of(c.env),
        "level": plan.level,
        "seed": plan.seed,
        "reward": plan.reward or "true",
        "evaluator": identity(c.evaluator) if plan.judged_by_the_condition else "bounded",
        "assistants": [each.name for each in plan.below] or plan.scripted,
        "practice": plan.practice.name if plan.practice else None,
        "horizon": {"discount": plan.horizon.gamma, "window": plan.horizon.window},
        "round": _changed(plan.round, but={"horizon"}),
        "learner": _changed(c.learner),
        "distill": _changed(c.distill, but={"reward", "judging", "demonstrations"}),
        **_changed(c, only={"env_settings", "episodes"}),
    }
    if plan.judging != "advance":
        found["judging"] = plan.judging
    if not plan.schedule.optimism(0):  # whatever is set: it has no effect
        found["distill"]["optimism"] = 0.0
    if (code := env_code(c.env)) is not None:
        found["env_code"] = code
    if plan.evaluation_labels:
        found["evaluation_labels"] = plan.evaluation_labels
    if plan.demonstrations is not None:
        found["demonstrations"] = demonstrations.fingerprint(plan.demonstrations)
    if plan.of_actions and plan.segment:
        found["rest"] = plan.rest
    if plan.is_oracle:  # it learns from nobody's answers
        found["round"] = _changed(plan.round, only={"steps"})
        found["distill"] = None
    elif plan.reward is None:
        found |= {"reward": None, "distill": DISTILL.content(c.distill.method, c.distill.settings)}
    if not LEARNER.is_own(c.learner.algorithm):
        found["learner"] = _changed(c.learner, only={*LEARNER.shared})
        found["learner"] |= LEARNER.content(c.learner.algorithm, c.learner.settings)
    if not plan.is_oracle and not AMPLIFY.is_own(c.amplify.method):
        found["amplify"] = AMPLIFY.content(c.amplify.method, c.amplify.settings)
    return found

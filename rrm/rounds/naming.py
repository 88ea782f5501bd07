"""The content that names a round: all that it depends on. Settings at their defaults are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from rrm.envs.wrapped.making import name_of
from rrm.evaluators import identity
from rrm.rounds.env_code import env_code

if TYPE_CHECKING:
    from rrm.rounds.plan import Plan

FORMAT = 3
"""The version of how rounds are run: of random streams, and of the defaults of settings, which names leave out."""


def _changed(settings: BaseModel, *, only: set[str] | None = None, but: set[str] | None = None) -> dict[str, Any]:
    """The settings that are not at their defaults, as JSON-able values, so that a new one renames no round."""
    return settings.model_dump(mode="json", include=only, exclude=but, exclude_defaults=True)


def content(plan: Plan) -> dict[str, Any]:
    """All that a round depends on, as JSON-able values.

    Args:
        plan: of the round.
    """
    c = plan.condition
    contents: dict[str, Any] = {
        "format": FORMAT,
        "env": name_of(c.env),
        "level": plan.level,
        "seed": plan.seed,
        "evaluator": identity(c.evaluator) if plan.judged_by_the_condition else "bounded",
        "assistants": [each.name for each in plan.below] or plan.scripted,
        "practice": plan.start_state_round.name if plan.start_state_round else None,
        **({"previous": plan.previous.name} if plan.previous else {}),
        **({} if plan.generation else {"generation": 0}),  # its streams are its own
        "horizon": {"discount": plan.horizon.gamma, "window": plan.horizon.window},
        "round": _changed(plan.round, but={"horizon"}),
        **_changed(c, only={"env_settings", "episodes"}),
    }
    if (code := env_code(c.env)) is not None:
        contents["env_code"] = code
    for choice in (c.learner, c.distill, c.amplify):
        contents |= choice.content(plan)
    return contents

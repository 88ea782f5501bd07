"""Checks of a round: whether its steps are enough for its labels, and whether its evaluator can answer the
questions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rrm.config.slots import Choice
from rrm.errors import ConfigError
from rrm.evaluators.spec import is_named
from rrm.text import short

if TYPE_CHECKING:
    from rrm.rounds.plan import Plan


def check(plan: Plan) -> None:
    """Check that a round can do what is asked of it.

    Args:
        plan: of the round.

    Raises:
        ConfigError: it cannot; the message names the key.
    """
    _check_evaluation(plan)
    condition = plan.condition
    for choice in (condition.learner, condition.amplify, condition.distill):
        choice.check(plan)
    if not plan.asks:
        return
    world, judge = plan.world(1), plan.evaluator()  # its parameters are right, or this says so
    if judge.looks_back(plan.round.label_type == "comparisons") and not world.shows_history:
        raise ConfigError(
            f"evaluator: {judge.name!r} judges by more than the last moment, but {world.name} shows an evaluator"
            " nothing else (World.shows_history)"
        )
    if plan.round.label_type == "scores" and judge.compares_only:
        raise ConfigError(
            f"{plan.section}.label_type: 'scores': the evaluator {judge.name!r} only compares: must be 'comparisons'"
        )


def _check_evaluation(plan: Plan) -> None:
    """Raise ConfigError where ``evaluation_labels`` cannot be asked."""
    if not plan.evaluation_labels:
        return
    why = None
    if plan.of_actions:
        why = "where the reward is approval the evaluator judges actions, and there is no score of an episode"
    elif not (judge := plan.evaluator()).scores:
        why = f"the evaluator {judge.name!r} only compares"
    if why:
        raise ConfigError(f"evaluation_labels: {plan.evaluation_labels}: {why}: must be 0")


def check_code(plan: Plan) -> None:
    """Check that this process has loaded the code, and reads the files, that a round is named after.

    Args:
        plan: of the round.

    Raises:
        ConfigError: it has not: they have been edited.
    """
    condition, now = plan.condition, replace(plan).content  # nothing in it is remembered
    named = {"evaluator": condition.evaluator, "env_code": condition.env, "amplify": condition.amplify.method}
    named |= {"distill": condition.distill.method, "learner": condition.learner.algorithm}
    for key, spec in named.items():
        if is_named(spec) and now.get(key) != plan.content.get(key):  # else it is what it was when it was given
            raise ConfigError(
                f"{key.removesuffix('_code')}: {short(spec)}: is not what it was when the run began: its code, or a"
                " file that its settings name, has been edited, or what it refers to is another at each start (a time,"
                " say); run again"
            )


def user_choices(plan: Plan) -> list[str]:
    """The user's own choices that are at work in a round, each with the key that names it.

    Args:
        plan: of the round.
    """
    condition = plan.condition
    chosen: list[Choice] = [condition.learner]
    if condition.distill.judged:
        chosen += [condition.distill, condition.amplify]
    return [f"{each.slot.name}: {short(each.name)}" for each in chosen if not each.is_own]

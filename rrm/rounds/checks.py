"""Whether a round can do what it is to do: its steps hold its labels, and its evaluator can answer what it is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rrm.choices import AMPLIFY, DISTILL, LEARNER
from rrm.errors import ConfigError
from rrm.evaluators.spec import is_named
from rrm.feedback import demonstrations
from rrm.text import short

if TYPE_CHECKING:
    from rrm.rounds.plan import Plan


def check(plan: Plan) -> None:
    """Raise ConfigError, which names the key, where it cannot."""
    _check_evaluation(plan)
    spends = plan.schedule
    if DISTILL.is_own(plan.condition.distill.method) and (
        spends.rollouts < 1 or spends.random_steps < spends.labels_due(0)
    ):
        raise ConfigError(
            f"{plan.section}.steps: {plan.round.steps}: must hold {spends.practice_steps} steps of"
            f" practice, a tenth of random play in which {spends.labels_due(0)} labels are asked, and a rollout of"
            f" {spends.steps_of_rollout}"
        )
    if not plan.asks:
        return
    # Pairs are drawn with replacement: there are always enough. Before a single rollout all labels are asked at once.
    own, scores = DISTILL.is_own(plan.condition.distill.method), plan.round.label_type == "scores"
    if own and scores and spends.rollouts > 1 and spends.labels > spends.most_scores:
        raise ConfigError(
            f"{plan.section}.labels: {spends.labels}: must be at most {spends.most_scores}: the"
            f" {spends.initial_labels} of {plan.section}.initial_labels, and {spends.candidates} after each of"
            f" {spends.rollouts - 1} rollouts; more {plan.section}.steps make more rollouts"
        )
    world = plan.world(1)
    longest = min(world.length, spends.random_steps // spends.num_envs)
    if plan.segment > longest:
        raise ConfigError(
            f"distill.segment_length: {plan.segment}: must be at most {longest}, the steps of an episode and those"
            " of random play in each copy, in which the first labels are asked"
        )
    if plan.demonstrations is not None:
        demonstrations.read(plan.demonstrations, world).inputs(plan.of_actions, plan.segment)
    judge = plan.evaluator()  # its parameters are right, or this says so
    if judge.looks_back(plan.round.label_type == "comparisons") and not world.shows_history:
        raise ConfigError(
            f"evaluator: {judge.name!r} judges by more than the last moment, but {world.name} shows an evaluator"
            " nothing else (World.shows_history)"
        )
    if plan.round.label_type == "scores" and judge.compares_only:
        raise ConfigError(
            f"{plan.section}.label_type: 'scores': the evaluator {judge.name!r} only compares: must be 'comparisons'"
        )
    if plan.reward and plan.round.query_strategy == "rater_disagreement" and judge.raters < 2:
        raise ConfigError(
            f"{plan.section}.query_strategy: 'rater_disagreement': the evaluator {judge.name!r} answers alone: must"
            " be a committee"
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
    """Raise ConfigError unless this process has loaded the code of the user's that the round is named after."""
    condition, now = plan.condition, replace(plan).content  # nothing in it is remembered
    named = {"evaluator": condition.evaluator, "env_code": condition.env, "amplify": condition.amplify.method}
    named |= {"distill": condition.distill.method, "learner": condition.learner.algorithm}
    for key, spec in named.items():
        if is_named(spec) and now.get(key) != plan.content.get(key):  # else it is what it was when it was given
            raise ConfigError(
                f"{key.removesuffix('_code')}: {short(spec)}: is not what it was when the run began: its code has been"
                " edited, or what it refers to is another at each start (a time, say); run again"
            )


def own_choices(plan: Plan) -> list[str]:
    """The user's own choices that are at work in a round, each with the key that names it."""
    condition = plan.condition
    chosen = [(LEARNER, condition.learner.algorithm)]
    if not plan.is_oracle:
        chosen += [(DISTILL, condition.distill.method), (AMPLIFY, condition.amplify.method)]
    return [f"{slot.name}: {short(spec)}" for slot, spec in chosen if not slot.is_own(spec)]

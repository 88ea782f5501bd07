"""What in a configuration cannot stand together: fields of a condition, conditions, and the environments they name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rrm.choices import DISTILL, LEARNER
from rrm.config.cost import levels, models_reward
from rrm.config.schema import Condition
from rrm.config.slots import RewardModelingSettings
from rrm.config.values import MOST_ROLLOUT
from rrm.errors import ConfigError

if TYPE_CHECKING:
    from rrm.envs.world import World


def clashes(condition: Condition) -> Iterator[tuple[str, Any, str]]:
    """(field, value, what would be right) for each thing that is wrong with fields together, not with one alone."""
    learner, amplify, distill = condition.learner, condition.amplify, condition.distill
    asks = models_reward(condition)
    rollout = learner.num_envs * learner.n_steps
    size = f"learner.num_envs x learner.n_steps = {learner.num_envs} x {learner.n_steps} = {rollout}"
    if rollout > MOST_ROLLOUT:
        most = MOST_ROLLOUT // learner.num_envs
        yield "learner.n_steps", learner.n_steps, f"must be at most {most}: {size}, of {MOST_ROLLOUT}"
    elif LEARNER.is_own(learner.algorithm) and rollout % learner.batch_size:
        small = [d for d in range(1, min(math.isqrt(rollout), 100_000) + 1) if rollout % d == 0]
        divisors = [d for d in (*small, *(rollout // d for d in small)) if d > 1]
        near = (
            f"; the nearest that does is {min(divisors, key=lambda d: abs(d - learner.batch_size))}" if divisors else ""
        )
        yield "learner.batch_size", learner.batch_size, f"must divide {size}{near}"
    rounds = {"task": condition.task}
    if amplify.assistants in ("trained", "repeated"):
        rounds["assistant"] = condition.assistant
    for name, each in rounds.items():
        strategy = each.query_strategy
        if each.steps < rollout:
            yield f"{name}.steps", each.steps, f"must be at least one rollout, {size}"
        if asks and each.initial_labels > each.labels:
            yield f"{name}.initial_labels", each.initial_labels, f"must be at most {name}.labels, {each.labels}"
        if asks and strategy == "disagreement" and distill.ensemble_size < 2:
            yield f"{name}.query_strategy", strategy, "needs distill.ensemble_size of at least 2"
        if asks and strategy == "entropy" and each.label_type == "scores":
            right = f"is that of which of two is better: needs {name}.label_type of 'comparisons'"
            yield f"{name}.query_strategy", strategy, right
    if asks and distill.demonstrations is not None and condition.task.label_type == "scores":
        right = "are preferred to play: needs task.label_type of 'comparisons'"
        yield "distill.demonstrations", distill.demonstrations, right
    if not DISTILL.is_own(distill.method):
        distill = RewardModelingSettings()  # what else the section says is of no meaning
    if distill.judging != "advance" and condition.horizon.window is None:
        yield "distill.judging", distill.judging, "needs horizon.window: the step is credited when the episode is over"
    if distill.judging != "advance" and distill.reward == "broad":
        yield "distill.judging", distill.judging, "broad reward is hindsight already: must be 'advance'"
    world = condition.world(1)
    if distill.reward == "approval" and condition.evaluator == "bounded" and not world.approves:
        yield "reward", "approval", f"the evaluator of {condition.env} does not judge actions (World.approve)"
    elif distill.reward == "approval" and not (world.approves or world.shows_actions):
        # Actions, and views besides the one that is judged, may tell what that view hides.
        yield "reward", "approval", f"{condition.env} does not show actions to its evaluator (World.shows_actions)"
    assistants, depth = amplify.assistants, amplify.depth
    if distill.reward == "true" and assistants != "none":
        yield "assistants", assistants, "the true reward asks no evaluator, so nobody helps: must be 'none'"
    elif assistants == "none":
        if depth:
            yield "depth", depth, "nobody helps here: needs assistants of another kind than 'none'"
    else:
        below = world.evaluation(1, 1)
        if not world.depth and depth is None:
            yield "assistants", assistants, f"{condition.env} has no evaluation world: must be 'none'"
        elif below and not has_assistants(condition, below):
            right = f"nobody has scripted the ideal assistant of {condition.env}: must be 'trained', 'random' or 'none'"
            yield "assistants", assistants, right
        elif below and distill.label_target == "segment" and below.criterion == "influence":
            right = "assistants point at frames of the whole clip here: must be 'state'"
            yield "distill.label_target", "segment", right
        elif (depth or 0) > world.depth:
            yield "depth", depth, f"must be at most {world.depth}, the evaluation worlds of {condition.env}"
        elif assistants == "repeated" and (other := _unlike(world, levels(condition))):
            right = f"must be another kind, or of depth {other - 1}"
            yield "assistants", "repeated", f"level {other} is not observed and acted in as level 1 is: {right}"


def has_assistants(condition: Condition, below: World | None) -> bool:
    """Whether there are assistants of the condition's kind in ``below``, where A_1 acts, if there is such a world.

    Any acts at random or is trained, not all are scripted.
    """
    return below is not None and (condition.amplify.assistants != "ideal" or "ideal" in below.scripts)


def _unlike(world: World, depth: int) -> int | None:
    """The first of the levels up to ``depth`` in whose evaluation world the agent of level 1 cannot act."""
    worlds = {level: world.evaluation(level, 1) for level in range(1, depth + 1)}
    kinds = {level: (each.layout, each.action_space) for level, each in worlds.items() if each is not None}
    return next((level for level, kind in kinds.items() if kind != kinds[1]), None)


def check_together(conditions: Mapping[str, Condition]) -> None:
    """Refuse conditions of different environments, but for controls in which the same episodes come to the same."""
    first, *others = conditions.items()
    for name, condition in others:
        for field in ("env", "env_settings"):
            mine, its = getattr(condition, field), getattr(first[1], field)
            if mine == its or (field == "env_settings" and _is_control(condition, first[1])):
                continue
            right = f"must be {its!r}, as in {first[0]!r}: the gap compares utilities of one world"
            if field == "env_settings" and first[1].world(1).controls:
                right += "; or a control of it that leaves the utility as it is"
            raise ConfigError(f"conditions.{name}.{field}: {mine!r}: {right}")


def _is_control(condition: Condition, other: Condition) -> bool:
    """Whether one's world is a control of the other's, or lacks a part of the help, and the same episodes come to the
    same in both."""
    from rrm.envs.admission import same_outcomes

    world = other.world(1)
    controls = [*world.controls.values(), *world.partial_help.values()]
    named = condition.env_settings in [{**other.env_settings, **settings} for settings in controls]
    return named and same_outcomes(condition.world(64), other.world(64))

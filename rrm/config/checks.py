"""Checks for contradictions in a configuration: between fields of a condition, conditions, and their environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rrm.config.cost import levels
from rrm.config.schema import Condition
from rrm.config.slots import Clash
from rrm.config.values import MOST_ROLLOUT
from rrm.errors import ConfigError

if TYPE_CHECKING:
    from rrm.envs.world import World


def clashes(condition: Condition) -> Iterator[Clash]:
    """The contradictions between fields of a condition; those that a choice reports come last.

    Args:
        condition: the condition.

    Yields:
        The key, its value, and what would be right.
    """
    learner, amplify = condition.learner, condition.amplify
    rollout = learner.num_envs * learner.n_steps
    size = f"learner.num_envs x learner.n_steps = {learner.num_envs} x {learner.n_steps} = {rollout}"
    if rollout > MOST_ROLLOUT:
        most = MOST_ROLLOUT // learner.num_envs
        yield "learner.n_steps", learner.n_steps, f"must be at most {most}: {size}, of {MOST_ROLLOUT}"
    yield from learner.clashes(condition)
    rounds = {"task": condition.task}
    if amplify.assistants in ("trained", "repeated"):
        rounds["assistant"] = condition.assistant
    for name, each in rounds.items():
        if each.steps < rollout:
            yield f"{name}.steps", each.steps, f"must be at least one rollout, {size}"
    yield from condition.distill.clashes(condition)
    yield from _clashes_of_help(condition)
    yield from amplify.clashes(condition)


def _clashes_of_help(condition: Condition) -> Iterator[Clash]:
    world = condition.world(1)
    assistants, depth = condition.amplify.assistants, condition.amplify.depth
    if assistants == "none":
        if depth:
            yield "depth", depth, "nobody helps here: needs assistants of another kind than 'none'"
        return
    below = world.evaluation(1, 1)
    if not world.depth and depth is None:
        yield "assistants", assistants, f"{condition.env} has no evaluation world: must be 'none'"
    elif below and not has_assistants(condition, below):
        right = f"nobody has scripted the ideal assistant of {condition.env}: must be 'trained', 'random' or 'none'"
        yield "assistants", assistants, right
    elif (depth or 0) > world.depth:
        yield "depth", depth, f"must be at most {world.depth}, the evaluation worlds of {condition.env}"
    elif assistants == "repeated" and (other := _unlike(world, levels(condition))):
        right = f"must be another kind, or of depth {other - 1}"
        yield "assistants", "repeated", f"level {other} is not observed and acted in as level 1 is: {right}"


def has_assistants(condition: Condition, below: World | None) -> bool:
    """Whether there are assistants of the condition's kind. Any acts at random or is trained, not all are scripted.

    Args:
        condition: the condition.
        below: the world in which A_1 acts, if there is one.
    """
    return below is not None and (condition.amplify.assistants != "ideal" or "ideal" in below.scripts)


def _unlike(world: World, depth: int) -> int | None:
    """The first of the levels up to ``depth`` in whose evaluation world the agent of level 1 cannot act."""
    worlds = {level: world.evaluation(level, 1) for level in range(1, depth + 1)}
    kinds = {level: (each.layout, each.action_space) for level, each in worlds.items() if each is not None}
    return next((level for level, kind in kinds.items() if kind != kinds[1]), None)


def check_together(conditions: Mapping[str, Condition], unaided: str) -> None:
    """Refuse conditions of different environments, except controls with the same utility for the same episodes.

    Args:
        conditions: by name, in any order.
        unaided: the one with which the others are compared; if it is not there, they are compared with the first one.

    Raises:
        ConfigError: there are such; the message names the first.
    """
    base = unaided if unaided in conditions else next(iter(conditions))
    alone = conditions[base]
    for name, condition in conditions.items():
        for field in ("env", "env_settings"):
            mine, its = getattr(condition, field), getattr(alone, field)
            if mine == its or (field == "env_settings" and _is_control(condition, alone)):
                continue
            right = f"must be {its!r}, as in {base!r}: the gap compares utilities of one world"
            if field == "env_settings" and alone.world(1).controls:
                right += "; or a control of it that leaves the utility as it is"
            raise ConfigError(f"conditions.{name}.{field}: {mine!r}: {right}")


def _is_control(condition: Condition, other: Condition) -> bool:
    """Whether one's world is a control of the other's, lacks a part of the help, or has a human who decomposes
    wrongly, and the same episodes come to the same in both."""
    from rrm.envs.admission import same_outcomes
    from rrm.envs.questions import Questions

    world = other.world(1)
    wrong = world.wrong.values() if isinstance(world, Questions) else ()
    controls = [*world.controls.values(), *world.partial_help.values(), *wrong]
    named = condition.env_settings in [{**other.env_settings, **settings} for settings in controls]
    return named and same_outcomes(condition.world(64), other.world(64))

"""What a condition costs: its rounds, their labels and their steps."""

from __future__ import annotations

from rrm.config.schema import Condition


def levels(condition: Condition) -> int:
    """The number of assistants: 0 if nobody helps, else the depth of the condition or of its world.

    Args:
        condition: the condition.
    """
    if condition.amplify.assistants == "none":
        return 0
    return condition.world(1).depth if condition.amplify.depth is None else condition.amplify.depth


def trained(condition: Condition) -> int:
    """How many of them are trained, each in a round of its own.

    Args:
        condition: the condition.
    """
    below = levels(condition)
    return {"trained": below, "repeated": min(1, below)}.get(condition.amplify.assistants, 0)


def cost(condition: Condition) -> tuple[int, int]:
    """The labels and the steps that a condition asks for, all its rounds together, as configured. Those are its task,
    in each generation, a round for each assistant that is trained, and the unaided agent in whose states they start.
    That agent and the task begin with the same A[0]. The true reward asks for no labels.

    Args:
        condition: the condition.
    """
    rounds = [(each, 0) for each in condition.distill.chain(condition)]
    generations = [(each, 0) for each, _ in rounds if each is condition]
    if below := trained(condition):
        rounds += [(condition, level) for level in range(1, below + 1)]
        rounds += generations * (condition.amplify.start_states == "unaided")
    spent = [each.distill.spends(each, level) for each, level in rounds]
    return sum(labels for labels, _ in spent), sum(steps for _, steps in spent)

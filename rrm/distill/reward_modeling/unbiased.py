"""What rewards made from the answers about a share of the moments need, to be unbiased (``distill.unlabelled``).

Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from rrm.config.slots import Clash
from rrm.errors import ConfigError

if TYPE_CHECKING:
    from rrm.config.schema import Round
    from rrm.distill.reward_modeling.settings import RewardModelingSettings
    from rrm.rounds.plan import Plan


def clashes(settings: RewardModelingSettings, task: Round) -> Iterator[Clash]:
    """The settings that would bias the rewards.

    Args:
        settings: with an ``unlabelled`` that makes rewards from answers.
        task: the round in which it does.
    """
    where = f"where distill.unlabelled is {settings.unlabelled}"
    if task.query_strategy != "uniform":
        right = f"must be 'uniform' {where}: only of questions drawn at random is it known how likely they are"
        yield "task.query_strategy", task.query_strategy, right
    if task.label_type != "scores":
        yield "task.label_type", task.label_type, f"must be 'scores' {where}: a comparison is no reward"
    if settings.label_target != "state":
        right = f"must be 'state' {where}: a reward is about one moment"
        yield "distill.label_target", settings.label_target, right
    if settings.judging == "lower":
        right = f"must be 'advance' or 'hindsight' {where}: noise lowers the lower of two rewards"
        yield "distill.judging", settings.judging, right
    if settings.optimism and settings.ensemble_size > 1:
        yield "distill.optimism", settings.optimism, f"must be 0 {where}: a bonus would bias the rewards"


def check_shares(settings: RewardModelingSettings, plan: Plan) -> None:
    """Check that each rollout asks about at least one of its moments, and at most about all of them.

    Args:
        settings: of the method.
        plan: of the round.

    Raises:
        ConfigError: one does not.
    """
    spends = plan.schedule
    asked = [after - before for before, after in pairwise(map(spends.labels_due, range(spends.rollouts + 1)))]
    if min(asked) < 1 or max(asked) > spends.steps_of_rollout:
        least, most = (spends.initial_labels + spends.rollouts * each for each in (1, spends.steps_of_rollout))
        raise ConfigError(
            f"{plan.section}.labels: {spends.labels}: must be {least} to {most}, evenly spread, where"
            f" distill.unlabelled is {settings.unlabelled}: the {spends.initial_labels} of"
            f" {plan.section}.initial_labels, and 1 to {spends.steps_of_rollout} in each of {spends.rollouts} rollouts,"
            f" which have {min(asked)} to {max(asked)} here"
        )

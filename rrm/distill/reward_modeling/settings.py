"""The settings of reward modeling: its keys, its cross-checks, its share of the names of rounds. Imports no torch."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from rrm.choices import imported
from rrm.config.slots import Clash, DistillSettings
from rrm.config.values import Count, FileName, Judging, Kind, Real, RewardKind
from rrm.distill.reward_modeling import unbiased
from rrm.errors import ConfigError
from rrm.rewards.estimates import Unlabelled
from rrm.rewards.settings import EnsembleSettings

if TYPE_CHECKING:
    from rrm.config.schema import Condition
    from rrm.distill.schedule import Schedule
    from rrm.rounds.plan import Plan


class RewardModelingSettings(DistillSettings, EnsembleSettings):
    """Distill by reward modeling: labels train a reward model V, and the learner optimises the reward made from V."""

    # Long because: it has all settings of the method, their checks and their share of the round's name.
    made_by: ClassVar = "rrm.distill.reward_modeling.distiller:RewardModeling"

    method: Literal["reward_modeling"] = "reward_modeling"
    reward: RewardKind = Field(
        default="narrow",
        description="The reward that the agent receives: V(s1) - V(s0) in each step (narrow); V(s_T) at the end of the"
        " episode (broad); a model of the evaluator's approval of each action (approval; the world or the evaluator"
        " must judge actions); or the change of the true utility (true: the oracle, which asks for no labels). Short"
        " form: reward.",
    )
    judging: Judging = Field(
        default="advance",
        description="When a step is judged: as it is taken (advance), by what has come of it at the end of the episode"
        " (hindsight), or by the lower of the two (lower). The last two need horizon.window.",
    )
    demonstrations: FileName | None = Field(
        default=None,
        description="A file of demonstrations of the task, as rrm.demonstrate writes it. Where labels are comparisons,"
        " demonstrated moments are preferred to random play in as many pairs as task.initial_labels; none of these"
        " counts as a label.",
    )
    label_target: Literal["state", "segment"] = Field(
        default="state",
        description="What a label is about: one state, of which V is the value (state); or the steps of a segment, of"
        " which V is the reward per step (segment).",
    )
    segment_length: Count = Field(
        default=25, le=10_000, description="Steps of a segment, where distill.label_target is segment."
    )
    optimism: Annotated[Real, Field(ge=0)] = Field(
        default=1.0,
        le=100,
        description="Weight of the ensemble's standard deviation, which is added to V while the agent trains, so that"
        " it tries what V does not know. It falls linearly to 0 over the first 70 % of the rollouts; labels, fits and"
        " results use V alone. An ensemble of one has no spread, and the weight changes nothing.",
    )
    unlabelled: Unlabelled = Field(
        default="predicted",
        description="What stands in, in the agent's reward, for scores that the evaluator is not asked for. V makes the"
        " whole reward (predicted); or a share p of the moments, drawn at random, is judged while the agent acts, and V"
        " is corrected there by (score - V) / p (control_variate), or score / p counts there and 0 elsewhere (ignore)."
        " These two are unbiased, and need query_strategy uniform and optimism 0.",
    )

    def find(self) -> type[Any]:
        return super().find() if self.judged else imported("rrm.distill.true_reward:TrueReward")

    @property
    def needs(self) -> Collection[str]:
        return ("scores", "comparisons") if self.judged else ()

    @property
    def judged(self) -> bool:
        """False if the agent is trained on the true utility: then nothing is learnt from answers."""
        return self.reward != "true"

    @property
    def segment(self) -> int:
        """Steps of the segment that a label is about; 0 where it is about a state."""
        return self.segment_length if self.judged and self.label_target == "segment" else 0

    def reward_at(self, level: int) -> Kind | None:
        """The reward that is made from V in a round of the level; None where there is none, the true utility's.

        Assistants receive the narrow reward: whatever the agent receives, they are there to expose what they can.

        Args:
            level: 0 for the task, k for the k-th evaluation world.
        """
        if self.reward == "true":
            return None
        return "narrow" if level else self.reward

    def of_actions(self, level: int) -> bool:
        from rrm.rewards.functions import REWARDS

        reward = self.reward_at(level)
        return reward is not None and REWARDS[reward].of_actions

    def judging_at(self, level: int) -> Judging:
        """When steps are judged; those of assistants are always judged in advance."""
        return "advance" if level else self.judging

    def demonstrations_at(self, level: int) -> str | None:
        """The file of demonstrations from which V starts, in a round of the task; else None.

        Args:
            level: as in ``reward_at``.
        """
        return None if level or not self.judged else self.demonstrations

    def unlabelled_at(self, level: int) -> Unlabelled:
        """What stands in for the answers that are not asked for; in rounds of assistants, V.

        Args:
            level: as in ``reward_at``.
        """
        return self.unlabelled if self.judged and not level else "predicted"

    def asks_to_the_end(self, level: int) -> bool:
        return self.unlabelled_at(level) != "predicted"

    def rest(self, plan: Plan) -> float:
        """γ / (1 - γ), the absorbing-state weight of approval (``rrm.rewards.functions``).

        0 if observations do not mark ends, within a window, or without a discount.

        Args:
            plan: of the round.
        """
        gamma = plan.horizon.gamma
        endless = plan.horizon.window is None and gamma < 1
        seen = self.of_actions(plan.level) and self.segment and plan.world(1).shows_end
        return gamma / (1 - gamma) if endless and seen else 0.0

    def optimism_in(self, rollout: int, schedule: Schedule) -> float:
        """The weight of the ensemble's standard deviation in the reward of a rollout, counted from 0.

        It falls evenly to 0 over the first 70 % of the rollouts, and is 0 in the last one, however few there are.

        Args:
            rollout: its number, from 0.
            schedule: of the round.
        """
        if not self.judged or self.ensemble_size == 1:
            return 0.0
        end = 0.7 * schedule.rollouts
        return 0.0 if rollout >= min(end, schedule.rollouts - 1) else self.optimism * (1 - rollout / end)

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        yield from self._clashes_of_labels(condition)
        if self.judging != "advance" and condition.horizon.window is None:
            yield "distill.judging", self.judging, "needs horizon.window: the step is credited when the episode is over"
        if self.judging != "advance" and self.reward == "broad":
            yield "distill.judging", self.judging, "broad reward is hindsight already: must be 'advance'"
        if self.asks_to_the_end(0):
            yield from unbiased.clashes(self, condition.task)
        world = condition.world(1)
        if self.reward == "approval" and condition.evaluator == "bounded" and not world.approves:
            yield "reward", "approval", f"the evaluator of {condition.env} does not judge actions (World.approve)"
        elif self.reward == "approval" and not (world.approves or world.shows_actions):
            # Actions, and views besides the one that is judged, may tell what that view hides.
            right = f"{condition.env} does not show actions to its evaluator (World.shows_actions)"
            yield "reward", "approval", right
        assistants = condition.amplify.assistants
        if assistants == "none":
            return
        if self.reward == "true":
            yield "assistants", assistants, "the true reward asks no evaluator, so nobody helps: must be 'none'"
        below = world.evaluation(1, 1)
        if below and self.label_target == "segment" and below.criterion == "influence":
            right = "assistants point at frames of the whole clip here: must be 'state'"
            yield "distill.label_target", "segment", right

    def _clashes_of_labels(self, condition: Condition) -> Iterator[Clash]:
        if not self.judged:
            return
        rounds = {"task": condition.task}
        if condition.amplify.assistants in ("trained", "repeated"):
            rounds["assistant"] = condition.assistant
        for name, round_ in rounds.items():
            strategy = round_.query_strategy
            if round_.initial_labels > round_.labels:
                yield f"{name}.initial_labels", round_.initial_labels, f"must be at most {name}.labels, {round_.labels}"
            if strategy == "disagreement" and self.ensemble_size < 2:
                yield f"{name}.query_strategy", strategy, "needs distill.ensemble_size of at least 2"
            if strategy == "entropy" and round_.label_type == "scores":
                right = f"is that of which of two is better: needs {name}.label_type of 'comparisons'"
                yield f"{name}.query_strategy", strategy, right
        if self.demonstrations is not None and condition.task.label_type == "scores":
            right = "are preferred to play: needs task.label_type of 'comparisons'"
            yield "distill.demonstrations", self.demonstrations, right

    def check(self, plan: Plan) -> None:
        spends = plan.schedule
        if spends.rollouts < 1 or spends.random_steps < spends.labels_due(0):
            raise ConfigError(
                f"{plan.section}.steps: {plan.round.steps}: must hold {spends.start_state_steps} steps for the"
                f" start states, a tenth of random play in which {spends.labels_due(0)} labels are asked, and a"
                f" rollout of {spends.steps_of_rollout}"
            )
        if not self.judged:
            return
        if spends.to_the_end:
            unbiased.check_shares(self, plan)
        # Pairs are drawn with replacement: there are always enough. Before a single rollout all are asked at once.
        elif plan.round.label_type == "scores" and spends.rollouts > 1 and spends.labels > spends.most_scores:
            raise ConfigError(
                f"{plan.section}.labels: {spends.labels}: must be at most {spends.most_scores}: the"
                f" {spends.initial_labels} of {plan.section}.initial_labels, and {spends.candidates} after each of"
                f" {spends.rollouts - 1} rollouts; more {plan.section}.steps make more rollouts"
            )
        world = plan.world(1)
        longest = min(world.length, spends.random_steps // spends.num_envs)
        if self.segment > longest:
            raise ConfigError(
                f"distill.segment_length: {self.segment}: must be at most {longest}, the steps of an episode and those"
                " of random play in each copy, in which the first labels are asked"
            )
        if (path := self.demonstrations_at(plan.level)) is not None:
            from rrm.feedback import demonstrations

            demonstrations.read(path, world).inputs(self.of_actions(plan.level), self.segment)
        if plan.round.query_strategy == "rater_disagreement" and (judge := plan.evaluator()).raters < 2:
            raise ConfigError(
                f"{plan.section}.query_strategy: 'rater_disagreement': the evaluator {judge.name!r} answers alone: must"
                " be a committee"
            )

    def content(self, plan: Plan) -> dict[str, Any]:
        """Settings that have no effect in the round are left out."""
        level = plan.level
        content: dict[str, Any] = {"reward": self.reward_at(level) or "true"}
        if self.judging_at(level) != "advance":
            content["judging"] = self.judging_at(level)
        if not self.judged:
            return {**content, "distill": None, "round": plan.round.model_dump(**CHANGED, include={"steps"})}
        apart = {"reward", "judging", "demonstrations", *({"unlabelled"} if level else ())}
        content["distill"] = self.model_dump(**CHANGED, exclude={"method", *apart})
        if not self.optimism_in(0, plan.schedule):
            content["distill"]["optimism"] = 0.0
        if (path := self.demonstrations_at(level)) is not None:
            from rrm.feedback import demonstrations

            content["demonstrations"] = demonstrations.fingerprint(path)
        if self.of_actions(level) and self.segment:
            content["rest"] = self.rest(plan)
        return content


CHANGED: dict[str, Any] = {"mode": "json", "exclude_defaults": True}
"""How settings are written that are not at their defaults."""

"""What a run will do, before it does it: the rounds of a condition with one seed, and what each of them may spend.

A round is named by the content of everything it depends on, the rounds below it included. Rounds that conditions share
are therefore trained once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from rrm.config.schema import Condition, Horizon, Round, levels, trained
from rrm.config.values import Judging, Kind
from rrm.envs.world import World
from rrm.envs.wrapped.making import name_of
from rrm.errors import ConfigError
from rrm.evaluators import Approving, Bounded, ChangeOfMind, Evaluator, identity, resolve
from rrm.feedback import demonstrations
from rrm.storage import rundir
from rrm.streams import Streams

PRACTICE = 8192
"""How many states of the unaided agent there are among which an assistant's practice starts."""


FORMAT = 3
"""Of how a round is run: its streams of random numbers, and the defaults of its settings, which its name leaves out."""


def _changed(settings: BaseModel, *, only: set[str] | None = None, but: set[str] | None = None) -> dict[str, Any]:
    """The settings that are not at their defaults, as JSON-able values, so that a new one renames no round."""
    return settings.model_dump(mode="json", include=only, exclude=but, exclude_defaults=True)


@dataclass(frozen=True)
class Plan:
    """One round. ``level`` 0 is the task, k the evaluation world in which the assistant A_k acts."""

    condition: Condition
    seed: int
    level: int
    below: tuple[Plan, ...]
    """The rounds whose agents are the assistants A_1, A_2, …; empty where they are scripted or there are none. Where
    one agent is all of them it is there as often."""

    practice: Plan | None
    """The round in whose agent's states an assistant practises; None: in those of the world's own generator."""

    @cached_property
    def content(self) -> dict[str, Any]:
        """All that the round depends on, as JSON-able values."""
        c = self.condition
        content: dict[str, Any] = {
            "format": FORMAT,
            "env": name_of(c.env),
            "level": self.level,
            "seed": self.seed,
            "reward": self.reward or "true",
            "evaluator": identity(c.evaluator) if self._judged_by_the_condition else "bounded",
            "assistants": [plan.name for plan in self.below] or self.scripted,
            "practice": self.practice.name if self.practice else None,
            "horizon": {"discount": self.horizon.gamma, "window": self.horizon.window},
            "round": _changed(self.round, but={"horizon"}),
            "learner": _changed(c.learner),
            "distill": _changed(c.distill, but={"reward", "judging", "demonstrations"}),
            **_changed(c, only={"env_settings", "episodes"}),
        }
        if self.judging != "advance":
            content["judging"] = self.judging
        if not self.optimism(0):  # whatever is set: it has no effect
            content["distill"]["optimism"] = 0.0
        if not isinstance(c.env, str):
            content["env_code"] = identity(c.env)
        if self.demonstrations is not None:
            content["demonstrations"] = demonstrations.fingerprint(self.demonstrations)
        if self.reward == "approval" and self.segment:
            content["rest"] = self.rest
        if self.reward is None:  # the oracle learns from nobody's answers
            content["round"] = _changed(self.round, only={"steps"})
            content["distill"] = None
        return content

    @cached_property
    def name(self) -> str:
        """The round's folder."""
        return f"{self.kind}-{rundir.fingerprint(self.content)}"

    @property
    def kind(self) -> str:
        return f"assistant{self.level}" if self.level else "task"

    @property
    def section(self) -> str:
        """The section of the configuration that says what the round spends."""
        return "assistant" if self.level else "task"

    @property
    def round(self) -> Round:
        return self.condition.assistant if self.level else self.condition.task

    @property
    def reward(self) -> Kind | None:
        """How the agent is paid from a reward model; None where it is paid the true utility (the oracle).

        Assistants are paid the narrow reward: however the agent is paid, they are there to expose what they can.
        """
        if self.level:
            return "narrow"
        reward = self.condition.distill.reward
        return None if reward == "true" else reward

    @property
    def horizon(self) -> Horizon:
        """How far the agent optimises its reward."""
        return self.condition.assistant.horizon or self.condition.horizon if self.level else self.condition.horizon

    @property
    def demonstrations(self) -> str | None:
        """The file that the reward model starts from: of the task alone."""
        return None if self.level or self.reward is None else self.condition.distill.demonstrations

    @property
    def judging(self) -> Judging:
        """When a step is judged; those of assistants in advance."""
        return "advance" if self.level else self.condition.distill.judging

    @property
    def learning(self) -> dict[str, Any]:
        """What its ``Learner`` is told."""
        learner = self.condition.learner
        settings = learner.model_dump(exclude={"algorithm", "num_envs"})
        return settings | {
            "learning_rate": learner.initial_learning_rate,
            "discount": self.horizon.gamma,
            "window": self.horizon.window,
            "judging": self.judging,
        }

    @property
    def scripted(self) -> list[str]:
        """The scripted assistants A_1, A_2, … of the round."""
        kind = self.condition.amplify.assistants
        return [kind] * levels(self.condition) if kind in ("ideal", "random") and not self.level else []

    @property
    def streams(self) -> Streams:
        """Where every random number of the round comes from."""
        return Streams.of_round(self.seed, self.level)

    def needed(self) -> list[Plan]:
        """The rounds this one stands on, each once, in an order in which they can be run; without itself."""
        found: dict[str, Plan] = {}
        for plan in (*([self.practice] if self.practice else []), *self.below):
            for each in (*plan.needed(), plan):
                found.setdefault(each.name, each)
        return list(found.values())

    def world(self, n: int, level: int | None = None) -> World:
        """The round's world, or that of another level, with ``n`` copies."""
        level = self.level if level is None else level
        world = self.condition.world(n)
        if level == 0:
            return world
        evaluation = world.evaluation(level, n)
        if evaluation is None:
            raise ConfigError(f"depth: {world.name} has {world.depth} levels of evaluation worlds, not {level}")
        return evaluation

    def evaluator(self) -> Evaluator:
        """Who judges: the condition's evaluator; in an assistant's world its own criterion, if it has one and the
        evaluator does not say that it judges there too."""
        world = self.world(1)
        if self.reward == "approval" and self.condition.evaluator == "bounded":
            return Approving(world)
        if not self._judged_by_the_condition:
            return Bounded(world)
        judge = resolve(self.condition.evaluator)(world)
        return ChangeOfMind(judge) if world.criterion == "change of mind" else judge

    @cached_property
    def _judged_by_the_condition(self) -> bool:
        world = self.world(1)
        if self.level == 0 or world.criterion != "own":
            return True
        return resolve(self.condition.evaluator)(world).judges_assistants

    # What the round spends. Every step of the world counts: practice, random play and PPO.

    @property
    def practice_steps(self) -> int:
        """Steps of the unaided agent that make the states to practise in."""
        copies = self.condition.learner.num_envs
        return -(-PRACTICE // copies) * copies if self.practice else 0

    @property
    def segment(self) -> int:
        """Steps of the segment that a label is about; 0 where it is about a state."""
        distill = self.condition.distill
        return distill.segment_length if distill.label_target == "segment" else 0

    @property
    def rest(self) -> float:
        """γ / (1 - γ): what counts in approval of the moment after an episode's own end (``rrm.rewards.functions``).

        0 where no end is seen as such, and where sums are finite: within a window, or without a discount.
        """
        gamma = self.horizon.gamma
        endless = self.horizon.window is None and gamma < 1
        seen = self.reward == "approval" and self.segment and self.world(1).shows_end
        return gamma / (1 - gamma) if endless and seen else 0.0

    @property
    def random_steps(self) -> int:
        """A tenth of the steps is random play, where the first labels are asked."""
        copies = self.condition.learner.num_envs
        return self.round.steps // 10 // copies * copies if self.reward else 0

    def optimism(self, rollout: int) -> float:
        """The weight of the members' standard deviation in the reward of a rollout, counted from 0.

        It falls evenly from ``distill.optimism`` to 0 over the first 70 % of the rollouts, and is 0 in the last
        one, however few there are.
        """
        distill, end = self.condition.distill, 0.7 * self.rollouts
        if self.reward is None or distill.ensemble_size == 1 or rollout >= min(end, self.rollouts - 1):
            return 0.0
        return distill.optimism * (1 - rollout / end)

    def pace(self, rollout: int) -> float:
        """The learning rate of a rollout, as a share of the first one's."""
        return 1 - rollout / self.rollouts if self.condition.learner.is_linear else 1.0

    @property
    def rollouts(self) -> int:
        """As many rollouts of PPO as the rest holds."""
        left = self.round.steps - self.practice_steps - self.random_steps
        return left // (self.condition.learner.num_envs * self.condition.learner.n_steps)

    def steps_due(self, rollouts: int) -> int:
        """How many steps have been taken after so many rollouts."""
        learner = self.condition.learner
        return self.practice_steps + self.random_steps + rollouts * learner.num_envs * learner.n_steps

    def labels_due(self, rollout: int) -> int:
        """How many labels have been asked before the given rollout (0: the first); all of them before the last."""
        if self.reward is None:
            return 0
        last, first = self.rollouts - 1, self.round.initial_labels
        more = self.round.labels - first
        if rollout >= last:
            return self.round.labels
        if self.round.schedule == "constant":
            return first + more * rollout // last
        # At a rate of 1 / (1 + 10 t), t from 0 to 1: that of Christiano et al. 2017 (arXiv 1706.03741), appendix A.2.
        return first + int(more * math.log1p(10 * rollout / last) / math.log(11))


def plan(condition: Condition, seed: int) -> Plan:
    """The last round of a condition, with all that it stands on.

    Raises:
        ConfigError: the steps of a round do not hold what it has to do.
    """
    below: list[Plan] = []
    if own := trained(condition):
        nobody = condition.amplify.model_copy(update={"assistants": "none", "depth": 0})
        alone = condition.model_copy(update={"amplify": nobody})
        practice = Plan(alone, seed, 0, (), None) if condition.amplify.start_states == "unaided" else None
        for level in range(1, levels(condition) + 1):
            below.append(Plan(condition, seed, level, tuple(below), practice) if level <= own else below[0])
    last = Plan(condition, seed, 0, tuple(below), None)
    for each in (*last.needed(), last):
        if each.rollouts < 1 or each.random_steps < each.labels_due(0):
            raise ConfigError(
                f"{each.section}.steps: {each.round.steps}: must hold {each.practice_steps} steps of"
                f" practice, a tenth of random play in which {each.labels_due(0)} labels are asked, and a rollout of"
                f" {condition.learner.num_envs * condition.learner.n_steps}"
            )
        if each.reward is None:
            continue
        longest = min(each.world(1).length, each.random_steps // condition.learner.num_envs)
        if each.segment > longest:
            raise ConfigError(
                f"distill.segment_length: {each.segment}: must be at most {longest}, the steps of an episode and those"
                " of random play in each copy, in which the first labels are asked"
            )
        if each.demonstrations is not None:
            demonstrations.read(each.demonstrations, each.world(1)).moments(each.reward == "approval", each.segment)
        judge = each.evaluator()  # its parameters are right, or this says so
        world = each.world(1)
        if judge.looks_back(each.round.label_type == "comparisons") and not world.shows_history:
            raise ConfigError(
                f"evaluator: {judge.name!r} judges by more than the last moment, but {world.name} shows an evaluator"
                " nothing else (World.shows_history)"
            )
        if each.round.label_type == "scores" and judge.compares_only:
            raise ConfigError(
                f"{each.section}.label_type: 'scores': the evaluator {judge.name!r} only compares: must be"
                " 'comparisons'"
            )
        if each.round.query_strategy == "rater_disagreement" and judge.voices < 2:
            raise ConfigError(
                f"{each.section}.query_strategy: 'rater_disagreement': the evaluator {judge.name!r} answers alone: must"
                " be a committee"
            )
    return last

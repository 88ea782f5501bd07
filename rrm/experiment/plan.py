"""What a run will do, before it does it: the rounds of a condition with one seed, and what each of them may spend.

A round is named by the content of everything it depends on, the rounds below it included. Rounds that conditions share
are therefore trained once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rrm.config.schema import Condition, Horizon, Judging, Kind, Round, levels, trained
from rrm.envs.world import World
from rrm.envs.wrapped.probe import name_of
from rrm.errors import ConfigError
from rrm.evaluators import Approving, Bounded, ChangeOfMind, Evaluator, identity, resolve
from rrm.feedback import demonstrations
from rrm.storage import rundir
from rrm.streams import Streams

CANDIDATES = 1024
"""Moments of a rollout among which the states to label are chosen."""

PRACTICE = 8192
"""How many states of the unaided agent there are among which an assistant's practice starts."""


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
            "format": 2,  # of how a round is run: its streams of random numbers above all
            "env": name_of(c.env),
            "level": self.level,
            "seed": self.seed,
            "reward": self.reward or "true",
            "evaluator": identity(c.evaluator) if self._judged_by_the_condition else "bounded",
            "assistants": [plan.name for plan in self.below] or self.scripted,
            "practice": self.practice.name if self.practice else None,
            "horizon": {"discount": self.horizon.gamma, "window": self.horizon.window},
            "judging": self.judging,
            "round": self.round.model_dump(mode="json", exclude={"horizon"}),
            "ppo": c.ppo.model_dump(mode="json"),
            "reward_model": c.reward_model.model_dump(mode="json"),
            "episodes": c.episodes,
        }
        if c.env_settings:
            content["env_settings"] = c.env_settings
        if not c.ppo.anneal:  # rounds that do without keep the names that they had before
            del content["ppo"]["anneal"]
        if not self.optimism(0):
            del content["reward_model"]["optimism"]
        if not isinstance(c.env, str):
            content["env_code"] = identity(c.env)
        if self.demonstrations is not None:
            content["demonstrations"] = demonstrations.fingerprint(self.demonstrations)
        if self.reward == "approval" and self.segment:
            content["rest"] = self.rest
        if self.reward is None:  # the oracle learns from nobody's answers
            content["round"] = {"steps": self.round.steps}
            content["reward_model"] = None
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
        return None if self.condition.reward == "true" else self.condition.reward

    @property
    def horizon(self) -> Horizon:
        """How far the agent optimises its reward."""
        return self.condition.assistant.horizon or self.condition.horizon if self.level else self.condition.horizon

    @property
    def demonstrations(self) -> str | None:
        """The file that the reward model starts from: of the task alone."""
        return None if self.level or self.reward is None else self.condition.demonstrations

    @property
    def judging(self) -> Judging:
        """When a step is judged; those of assistants in advance."""
        return "advance" if self.level else self.condition.judging

    @property
    def learning(self) -> dict[str, Any]:
        """What its ``Learner`` is told."""
        settings = self.condition.ppo.model_dump(exclude={"copies", "anneal"})
        return settings | {
            "discount": self.horizon.gamma,
            "window": self.horizon.window,
            "judging": self.judging,
        }

    @property
    def scripted(self) -> list[str]:
        """The scripted assistants A_1, A_2, … of the round."""
        kind = self.condition.assistants
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
        copies = self.condition.ppo.copies
        return -(-PRACTICE // copies) * copies if self.practice else 0

    @property
    def segment(self) -> int:
        """Steps of what is judged where V is a rate; 0 where it is of states."""
        model = self.condition.reward_model
        return model.segment if model.judges == "rate" else 0

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
        copies = self.condition.ppo.copies
        return self.round.steps // 10 // copies * copies if self.reward else 0

    def optimism(self, rollout: int) -> float:
        """The weight of the members' standard deviation in the reward of a rollout, counted from 0.

        It falls evenly from ``reward_model.optimism`` to 0 over the first 70 % of the rollouts, and is 0 in the last
        one, however few there are.
        """
        model, end = self.condition.reward_model, 0.7 * self.rollouts
        if self.reward is None or model.members == 1 or rollout >= min(end, self.rollouts - 1):
            return 0.0
        return model.optimism * (1 - rollout / end)

    def pace(self, rollout: int) -> float:
        """The learning rate of a rollout, as a share of the first one's."""
        return 1 - rollout / self.rollouts if self.condition.ppo.anneal else 1.0

    @property
    def rollouts(self) -> int:
        """As many rollouts of PPO as the rest holds."""
        left = self.round.steps - self.practice_steps - self.random_steps
        return left // (self.condition.ppo.copies * self.condition.ppo.rollout)

    def steps_due(self, rollouts: int) -> int:
        """How many steps have been taken after so many rollouts."""
        ppo = self.condition.ppo
        return self.practice_steps + self.random_steps + rollouts * ppo.copies * ppo.rollout

    @property
    def candidates(self) -> int:
        """Among how many moments of a rollout the states to label are chosen."""
        return min(CANDIDATES, self.condition.ppo.copies * self.condition.ppo.rollout)

    def labels_due(self, rollout: int) -> int:
        """How many labels have been asked before the given rollout (0: the first); all of them before the last."""
        if self.reward is None:
            return 0
        last, first = self.rollouts - 1, self.round.start_labels
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
        alone = condition.model_copy(update={"assistants": "none", "depth": 0})
        practice = Plan(alone, seed, 0, (), None) if condition.states_from == "unaided" else None
        for level in range(1, levels(condition) + 1):
            below.append(Plan(condition, seed, level, tuple(below), practice) if level <= own else below[0])
    last = Plan(condition, seed, 0, tuple(below), None)
    for each in (*last.needed(), last):
        if each.rollouts < 1 or each.random_steps < each.labels_due(0):
            raise ConfigError(
                f"{each.section}.steps: {each.round.steps}: must hold {each.practice_steps} steps of"
                f" practice, a tenth of random play in which {each.labels_due(0)} labels are asked, and a rollout of"
                f" {condition.ppo.copies * condition.ppo.rollout}"
            )
        if each.reward is None:
            continue
        most = each.round.start_labels + (each.rollouts - 1) * each.candidates
        # Pairs are drawn with replacement: there are always enough.
        if each.round.answers == "scores" and each.round.labels > most:
            raise ConfigError(
                f"{each.section}.labels: {each.round.labels}: must be at most {most}: the {each.round.start_labels} of"
                f" {each.section}.start_labels, and {each.candidates} after each of {each.rollouts - 1} rollouts"
            )
        longest = min(each.world(1).length, each.random_steps // condition.ppo.copies)
        if each.segment > longest:
            raise ConfigError(
                f"reward_model.segment: {each.segment}: must be at most {longest}, the steps of an episode and those of"
                " random play in each copy, in which the first labels are asked"
            )
        if each.demonstrations is not None:
            demonstrations.read(each.demonstrations, each.world(1)).moments(each.reward == "approval", each.segment)
        judge = each.evaluator()  # its parameters are right, or this says so
        world = each.world(1)
        if judge.looks_back(each.round.answers == "comparisons") and not world.shows_history:
            raise ConfigError(
                f"evaluator: {judge.name!r} judges by more than the last moment, but {world.name} shows an evaluator"
                " nothing else (World.shows_history)"
            )
        if each.round.answers == "scores" and judge.compares_only:
            raise ConfigError(
                f"{each.section}.answers: 'scores': the evaluator {judge.name!r} only compares: must be 'comparisons'"
            )
        if each.round.ask == "dissent" and judge.voices < 2:
            raise ConfigError(
                f"{each.section}.ask: 'dissent': the evaluator {judge.name!r} answers alone: must be a committee"
            )
    return last

"""The plan of a run: the rounds of a condition with one seed, and the budgets of each.

A round is named by the content of everything it depends on, the rounds below it included. Rounds that conditions share
are therefore trained once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rrm.config.cost import levels, trained
from rrm.config.schema import Condition, Horizon, Round
from rrm.distill.schedule import Schedule
from rrm.envs.world import World
from rrm.errors import ConfigError
from rrm.evaluators import Approving, Bounded, Evaluator, Influence, resolve
from rrm.report.schema import final_labels
from rrm.rounds.checks import check
from rrm.rounds.naming import content
from rrm.storage import rundir
from rrm.streams import Purpose, Streams


@dataclass(frozen=True)
class Plan:
    """One round. ``level`` 0 is the task, k the evaluation world in which the assistant A_k acts."""

    condition: Condition
    seed: int
    level: int
    below: tuple[Plan, ...]
    """The rounds whose agents are the assistants A_1, A_2, …; empty if they are scripted or there are none. If one
    agent acts at all levels, its round is listed once for each level."""

    start_state_round: Plan | None
    """The round whose agent visits the states in which an assistant's episodes start; None: the world's own generator
    draws them."""

    previous: Plan | None = None
    """The round of the generation before, A[n-1]; None: there is none."""

    generation: int = 1
    """n, of the agent A[n]; 0: of an agent to begin with."""

    @cached_property
    def content(self) -> dict[str, Any]:
        """All that the round depends on, as JSON-able values."""
        return content(self)

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
    def asks(self) -> bool:
        """Whether labels are asked for."""
        return self.condition.distill.asks

    @property
    def of_actions(self) -> bool:
        """Whether actions are judged, in the states in which they were taken, and not states."""
        return self.condition.distill.of_actions(self.level)

    @property
    def horizon(self) -> Horizon:
        """How far the agent optimises its reward."""
        return self.condition.assistant.horizon or self.condition.horizon if self.level else self.condition.horizon

    @property
    def learning(self) -> dict[str, Any]:
        """The arguments of its learner: the settings of all learners, and its own."""
        learner = self.condition.learner
        return {
            **learner.keywords,
            "learning_rate": learner.initial_learning_rate,
            "discount": self.horizon.gamma,
            "window": self.horizon.window,
            "judging": self.condition.distill.judging_at(self.level),
        }

    @property
    def scripted(self) -> list[str]:
        """The scripted assistants A_1, A_2, … of the round."""
        kind = self.condition.amplify.assistants
        return [kind] * levels(self.condition) if kind in ("ideal", "random") and not self.level else []

    @property
    def streams(self) -> Streams:
        """The source of all random numbers of the round."""
        streams = Streams.of_round(self.seed, self.level)
        return streams if self.generation == 1 else streams.part(Purpose.GENERATION, self.generation)

    @property
    def read_from(self) -> list[Plan]:
        """The rounds whose agents it loads."""
        return [*(each for each in (self.start_state_round, self.previous) if each), *self.below]

    def needed(self) -> list[Plan]:
        """The rounds that this one needs, each once, in an order in which they can run; without itself."""
        by_name: dict[str, Plan] = {}
        for plan in self.read_from:
            for each in (*plan.needed(), plan):
                by_name.setdefault(each.name, each)
        return list(by_name.values())

    def world(self, n: int, level: int | None = None) -> World:
        """The round's world, or that of another level.

        Args:
            n: how many copies.
            level: 0 for the task, k for the k-th evaluation world; that of the round unless said.

        Raises:
            ConfigError: there is no such evaluation world.
        """
        level = self.level if level is None else level
        world = self.condition.world(n)
        if level == 0:
            return world
        evaluation = world.evaluation(level, n)
        if evaluation is None:
            raise ConfigError(f"depth: {world.name} has {world.depth} levels of evaluation worlds, not {level}")
        return evaluation

    def evaluator(self) -> Evaluator:
        """Who judges: the condition's evaluator; or, in an assistant's world with a criterion of its own, that
        criterion, unless the evaluator judges assistants."""
        world = self.world(1)
        if self.of_actions and self.condition.evaluator == "bounded":
            return Approving(world)
        if not self.judged_by_the_condition:
            return Bounded(world)
        judge = resolve(self.condition.evaluator)(world)
        return Influence(judge) if world.criterion == "influence" else judge

    @cached_property
    def judged_by_the_condition(self) -> bool:
        """Whether the condition's evaluator judges, and not the criterion of an assistant's world."""
        world = self.world(1)
        if self.level == 0 or world.criterion != "own":
            return True
        return resolve(self.condition.evaluator)(world).judges_assistants

    @cached_property
    def evaluation_labels(self) -> int:
        """How often an evaluator whose answers are not free is asked for learning curves and the final judgment."""
        asked = 0 if self.level else self.condition.evaluation_labels
        return asked if asked and not self.evaluator().free else 0

    @property
    def final_labels(self) -> int:
        """How many of them are about the final policy: one for each episode, as far as they go."""
        return min(self.evaluation_labels, self.condition.episodes)

    def lacks_evaluation_labels(self, result: Mapping[str, Any]) -> bool:
        """Whether the final policy is to be judged on more evaluation labels than the round's result rests on.

        Args:
            result: of the round, from an earlier run.
        """
        return self.final_labels > final_labels(result)

    def curve_labels_due(self, rollouts: int) -> int:
        """How many of the other evaluation labels may have been asked for after a number of rollouts.

        Args:
            rollouts: how many have been done.
        """
        return (self.evaluation_labels - self.final_labels) * rollouts // self.schedule.rollouts

    @property
    def total(self) -> tuple[int, int]:
        """All steps and labels."""
        return self.condition.distill.total(self)

    @cached_property
    def schedule(self) -> Schedule:
        """The budgets of the round over time."""
        spends, learner = self.round, self.condition.learner
        return Schedule(
            num_envs=learner.num_envs,
            n_steps=learner.n_steps,
            steps=spends.steps,
            labels=spends.labels if self.condition.distill.follows_schedule else 0,
            initial_labels=spends.initial_labels if self.condition.distill.follows_schedule else 0,
            spread=spends.schedule,
            start_states=self.start_state_round is not None,
            is_linear=learner.is_linear,
            to_the_end=self.condition.distill.asks_to_the_end(self.level),
        )


def plan(condition: Condition, seed: int) -> Plan:
    """The last round of a condition, with all rounds that it needs.

    Args:
        condition: the condition.
        seed: of the experiment.

    Raises:
        ConfigError: the steps of a round are too few for what it has to do.
    """
    below: list[Plan] = []
    if own := trained(condition):
        nobody = condition.amplify.model_copy(update={"assistants": "none", "depth": 0})
        alone = condition.model_copy(update={"amplify": nobody})
        start_state_round = _task(alone, seed, ()) if condition.amplify.start_states == "unaided" else None
        for level in range(1, levels(condition) + 1):
            below.append(Plan(condition, seed, level, tuple(below), start_state_round) if level <= own else below[0])
    last = _task(condition, seed, tuple(below))
    for each in (*last.needed(), last):
        check(each)
    return last


def _task(condition: Condition, seed: int, below: tuple[Plan, ...]) -> Plan:
    """The last round of the task, after the generations before it."""
    last: Plan | None = None
    generation = 0
    for generation_condition in condition.distill.chain(condition):
        own = generation_condition is condition
        generation += own
        last = Plan(generation_condition, seed, 0, below if own else (), None, last, generation)
    assert last is not None
    return last

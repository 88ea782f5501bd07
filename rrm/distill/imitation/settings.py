"""The settings of imitation: its keys, its cross-checks, its share of the names of rounds. Imports no torch."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from gymnasium import spaces
from pydantic import AfterValidator, Field, WithJsonSchema

from rrm.amplify.demonstrators import DemonstratorSettings, FirstDemonstrator, JudgmentSettings
from rrm.config.slots import Clash, DistillSettings
from rrm.config.values import Copies, Count, Positive, Section, Share

if TYPE_CHECKING:
    from rrm.config.schema import Condition
    from rrm.envs.world import World
    from rrm.rounds.plan import Plan


def _who_acts(skill: str) -> str:
    if DemonstratorSettings(skill=skill).file is not None:
        raise ValueError(
            "is a file, which is imitated as a whole: must be who acts, a script, a saved agent or a function"
        )
    return skill


class FirstSettings(Section):
    """A[0], the agent of the generation before the first: a clone of a little skill."""

    skill: Annotated[str, AfterValidator(_who_acts)]
    actions: Copies
    """How many are demonstrated."""


_SECTION = {"type": "object"}


class DemonstratedSettings(DistillSettings):
    """The keys of every way to learn from a demonstrator."""

    demonstrator: Annotated[
        DemonstratorSettings, WithJsonSchema({"anyOf": [{"type": "string", "examples": ["judgment"]}, _SECTION]})
    ] = Field(
        default=DemonstratorSettings(judgment=JudgmentSettings()),
        description="Who demonstrates. judgment: the evaluator tries each action and looks at what comes of it; with"
        " {judgment: {window: …, goes_on: …, samples: …, keep: …}} the look is so many steps after the action (1; null:"
        " the end of the episode), the other steps are taken by the agent of the generation before (previous) or at"
        " random, each action is tried so many times (1), and the action of the generation before is kept where none is"
        " better (true). {skill: …}: nobody is asked; a script of the world acts (honest; in assistants' worlds ideal),"
        " a saved agent (…/agent.json), a function of a world (path/to/file.py:name), or, with the method clone, a file"
        " of demonstrations (….npz).",
    )
    states: Copies = Field(
        default=400, description="In how many states is demonstrated, in each iteration; of a file, in all it holds."
    )
    generations: Count = Field(
        default=1,
        le=1000,
        description="How many agents of the task there are one after the other, A[1], A[2], …, each in a round of its"
        " own; judgment has the one before go on.",
    )
    first: Annotated[FirstSettings | None, WithJsonSchema({"anyOf": [_SECTION, {"type": "null"}]})] = Field(
        default=None,
        description="A[0], who goes on in the first generation: {skill: honest, actions: 256} is a clone of so many"
        " demonstrated actions of a skill. null: random play.",
    )

    @property
    def needs(self) -> Collection[str]:
        return ("scores",) if self.demonstrator.judgment else ()

    @property
    def names_code(self) -> bool:
        skills = (self.demonstrator.skill, self.first and self.first.skill)
        return any(skill is not None and ":" in skill for skill in skills)

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        if self.demonstrator.judgment is None:
            right = "where distill.demonstrator is a skill, which is the same in every generation"
            if self.generations > 1:
                yield "distill.generations", self.generations, f"must be 1 {right}"
            if self.first is not None:
                yield "distill.first", self.first.model_dump(), f"must be null {right}"
            return
        rounds = {"task": condition.task}
        if condition.amplify.assistants in ("trained", "repeated"):
            rounds["assistant"] = condition.assistant
        for name, each in rounds.items():
            if each.label_type != "scores":
                yield f"{name}.label_type", each.label_type, "judgment is by scores: must be 'scores'"

    def check(self, plan: Plan) -> None:
        self.demonstrator.check(plan.world(1), plan.level)

    def content(self, plan: Plan) -> dict[str, Any]:
        """Settings that have no effect in the round are left out; A[n] is named by the agent before it."""
        share = self.share()
        if (identity := self.demonstrator.identity(plan.world(1), plan.level)) is not None:
            share["skill"] = identity
        return {"reward": None, "distill": share}

    def share(self) -> dict[str, Any]:
        return {key: value for key, value in super().share().items() if key not in ("generations", "first")}

    @property
    def of_clone(self) -> dict[str, Any]:
        """The settings of the clone that A[0] is."""
        return {}

    def chain(self, condition: Condition) -> list[Condition]:
        generations = [condition] * self.generations
        if self.first is None:
            return generations
        first = FirstDemonstrator(skill=self.first.skill)
        clone = CloneSettings(demonstrator=first, states=self.first.actions, **self.of_clone)
        nobody = condition.amplify.model_copy(update={"assistants": "none", "depth": 0})
        return [condition.model_copy(update={"distill": clone, "amplify": nobody}), *generations]

    @property
    def follows_schedule(self) -> bool:
        """The looks come first, and none of them is about random play."""
        return False

    def looks(self, world: World, states: int) -> tuple[int, int]:
        """How many looks it takes to demonstrate, and at most how many steps after actions tried.

        Args:
            world: in which is demonstrated.
            states: in how many states.
        """
        judgment, space = self.demonstrator.judgment, world.action_space
        if judgment is None or not isinstance(space, spaces.Discrete):
            return 0, 0
        looks = states * int(space.n) * judgment.samples
        return looks, looks * min(judgment.window or world.length, world.length)


class ImitationSettings(DemonstratedSettings):
    """The keys of every way to imitate a demonstrator by fitting a policy to what is demonstrated."""

    fit_steps: Count = Field(default=500, le=10**6, description="Gradient steps of each fit of the policy.")
    learning_rate: Positive = Field(
        default=3e-3, le=1, description="Adam's learning rate; it falls linearly to a tenth of this in each fit."
    )

    @property
    def of_clone(self) -> dict[str, Any]:
        return {"fit_steps": self.fit_steps, "learning_rate": self.learning_rate}

    @property
    def rollouts(self) -> int:
        """How often states are visited."""
        return 1

    def content(self, plan: Plan) -> dict[str, Any]:
        """Of the learner only the shape of the policy counts."""
        shape = plan.condition.learner.model_dump(
            mode="json", include={"net_arch", "activation_fn"}, exclude_defaults=True
        )
        return {**super().content(plan), "round": {}, "horizon": {}, "learner": shape}

    def spends(self, condition: Condition, level: int) -> tuple[int, int]:
        """The looks, and the steps at most: those of visits, and those after an action that is tried."""
        world = world_of(condition, level)
        looks, steps = self.looks(world, self.rollouts * self.states)
        return looks, self.rollouts * self.visited(world.length) + steps

    def total(self, plan: Plan) -> tuple[int, int]:
        looks, steps = self.spends(plan.condition, plan.level)
        return steps, looks

    def steps_after(self, rollouts: int, plan: Plan) -> int:
        return plan.total[0] * rollouts // self.rollouts

    def visited(self, length: int) -> int:
        """How many steps a rollout takes to visit states.

        Args:
            length: the steps of an episode.
        """
        return self.states


def world_of(condition: Condition, level: int) -> World:
    """The world of a round of the level.

    Args:
        condition: the condition.
        level: 0 for the task, k for the k-th evaluation world.
    """
    task = condition.world(1)
    return (task.evaluation(level, 1) if level else None) or task


class CloneSettings(ImitationSettings):
    """Distill by behavioural cloning: imitate the demonstrator in the states that it visits itself."""

    made_by: ClassVar = "rrm.distill.imitation.clone:Clone"

    method: Literal["clone"] = "clone"


class DAggerSettings(ImitationSettings):
    """Distill by DAgger (Ross et al. 2011): imitate the demonstrator in the states that the agent visits itself."""

    made_by: ClassVar = "rrm.distill.imitation.dagger:DAgger"

    method: Literal["dagger"] = "dagger"
    iterations: Count = Field(
        default=3, le=10_000, description="How often the agent visits states and imitates what is demonstrated there."
    )
    explore: Share = Field(
        default=0.2, description="Chance of a random action at each step while the agent visits states."
    )

    @property
    def rollouts(self) -> int:
        return self.iterations

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        if (file := self.demonstrator.file) is not None:
            right = (
                "is a file, which cannot be asked about states that the agent visits: needs distill.method of 'clone'"
            )
            yield "distill.demonstrator.skill", file, right
        yield from super().clashes(condition)

    def visited(self, length: int) -> int:
        """Where episodes end early there are more of them, as long as a state is missing."""
        return self.states - 1 + self.episodes(length) * length

    def episodes(self, length: int) -> int:
        """How many episodes visit about twice as many states as are needed, and at least some that differ.

        Args:
            length: the steps of an episode.
        """
        return max(8, 2 * self.states // length)

# Long because: it is the contract of the choices for each slot, documented method by method.
"""The sections of the slots: the keys that all choices share, and the methods of a choice's settings. Imports no torch.

A choice of this package derives its section's model from ``AmplifySettings``, ``DistillSettings`` or
``LearnerSettings``: its fields are the keys, its methods the cross-checks and the share of the round's name. It is in
the choice's own file, and named in ``rrm.choices``. The choices of users have the models at the end.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from rrm.choices import AMPLIFY, DISTILL, LEARNER, Slot, imported
from rrm.config.values import LINEAR, MOST_ROLLOUT, Copies, Count, Judging, LearningRate, Section, whole
from rrm.evaluators.identity import fingerprint

if TYPE_CHECKING:
    from rrm.config.schema import Condition
    from rrm.rounds.plan import Plan

Clash = tuple[str, Any, str]
"""A field, its value, and what would be right."""


class Choice(Section):
    """A slot's section, with the defaults of its methods."""

    slot: ClassVar[Slot]
    made_by: ClassVar[str]
    """The class of the choice, module:Class. It is imported when it is used."""

    @property
    def name(self) -> str:
        """The choice, as the section names it."""
        return str(getattr(self, self.slot.key))

    @property
    def is_own(self) -> bool:
        """Whether it is one of this package."""
        return self.slot.is_own(self.name)

    @property
    def settings(self) -> Any:
        """The settings that the choice gets."""
        return self

    @property
    def keywords(self) -> dict[str, Any]:
        """Keyword arguments of the choice, beside those that every choice for the slot gets."""
        has_keys = type(self).model_fields.keys() - {self.slot.key, *self.slot.shared}
        return {"settings": self.settings} if has_keys else {}

    def find(self) -> type[Any]:
        """The class of the choice."""
        return imported(self.made_by)

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        """The contradictions between these settings and the rest of a condition.

        Args:
            condition: the condition that the settings are of.

        Yields:
            The key, its value, and what would be right.
        """
        yield from ()

    def check(self, plan: Plan) -> None:
        """Check that a round can do what these settings ask of it.

        Args:
            plan: of the round.

        Raises:
            ConfigError: it cannot; the message names the key.
        """

    def content(self, plan: Plan) -> dict[str, Any]:
        """The choice's share of the content by which a round is named, as JSON-able values.

        Args:
            plan: of the round.
        """
        return {self.slot.section: self.share()}

    def share(self) -> dict[str, Any]:
        """The settings that are not at their defaults, so that a new one renames no round; and the choice, likewise."""
        changed = self.model_dump(mode="json", exclude={self.slot.key}, exclude_defaults=True)
        return changed if self.name == self.slot.default else {self.slot.key: self.name, **changed}


class AmplifySettings(Choice):
    """The section ``amplify``: the keys of every way to amplify."""

    slot: ClassVar = AMPLIFY

    method: str = Field(
        default="assistance",
        description="How the evaluator is amplified, that is, helped to judge: agents act in evaluation worlds"
        " (assistance); a human answers questions by asking sub-questions (decomposition); or a class of your own,"
        " 'package.module:Class' or 'path/to/file.py:Class'. amplify: path/to/file.py:Class is short for it. Its"
        " settings stand beside method.",
    )
    assistants: Literal["none", "trained", "repeated", "ideal", "random"] = Field(
        default="none",
        description="Who helps the evaluator: nobody (none); agents trained in earlier rounds (trained); the agent of"
        " the first round at all levels, so that nothing is learnt with help (repeated); the world's scripted, perfect"
        " assistants (ideal); agents that act at random (random). Short form: assistants.",
    )
    depth: Annotated[int, BeforeValidator(whole), Field(ge=0, le=1000)] | None = Field(
        default=None,
        description="Levels of assistants below the task. null: as many as the world has evaluation worlds. Short form:"
        " depth.",
    )
    start_states: Literal["unaided", "world"] = Field(
        default="unaided",
        description="Where the episodes of assistants in training start: in states that the unaided agent of the same"
        " seed visits (unaided; its labels and steps are counted), or in those that a reset of the world draws.",
    )

    def content(self, plan: Plan) -> dict[str, Any]:
        """Its share of a round's name. Assistants and start states are named elsewhere; the rest is here."""
        if not plan.condition.distill.judged:
            return {}
        share = {key: value for key, value in self.share().items() if key not in self.slot.shared}
        return {self.slot.section: share} if share else {}


class DistillSettings(Choice):
    """The section ``distill``: the keys of every way to distill."""

    slot: ClassVar = DISTILL

    method: str = Field(
        default="reward_modeling",
        description="How an agent is made with the help of the amplified evaluator: from a reward model of its labels"
        " (reward_modeling); from a demonstrator, by behavioural cloning (clone), DAgger (dagger), GAIL (gail), AIRL"
        " (airl) or exact inverse RL (irl); in a board game by search, and imitation of the search (expert_iteration);"
        " by supervised answers to questions (answers); or by a class of your own, 'package.module:Class' or"
        " 'path/to/file.py:Class'. distill: path/to/file.py:Class is short for it. Its"
        " settings stand beside method.",
    )

    truth: ClassVar[str] = ""
    """The settings with which it learns from the truth; empty: the true reward takes its place."""
    unused: ClassVar[Mapping[str, str]] = {}
    """The sections of a condition that have no effect on it, and what it does without them."""

    @property
    def needs(self) -> Collection[str]:
        """The kinds of answers that it asks the overseer for: scores, comparisons, actions."""
        return ()

    @property
    def asks(self) -> bool:
        """Whether it asks for labels."""
        return bool({"scores", "comparisons"} & {*self.needs})

    @property
    def follows_schedule(self) -> bool:
        """Whether labels are asked about random play first, and then along the training, as the schedule says."""
        return self.asks

    def asks_to_the_end(self, level: int) -> bool:
        """Whether a round asks for labels in its last rollout, too.

        Args:
            level: as in ``of_actions``.
        """
        return False

    @property
    def judged(self) -> bool:
        """Whether the overseer has a part in it; the oracle learns without one."""
        return True

    @property
    def names_code(self) -> bool:
        """Whether its keys name functions of the user's own."""
        return False

    def of_actions(self, level: int) -> bool:
        """Whether actions are judged, in the states in which they were taken, and not states.

        Args:
            level: of the round: 0 for the task, k for the k-th evaluation world.
        """
        return False

    def judging_at(self, level: int) -> Judging:
        """When a step is judged.

        Args:
            level: as in ``of_actions``.
        """
        return "advance"

    def chain(self, condition: Condition) -> list[Condition]:
        """The conditions of the task's rounds, its generations, each standing on the one before: this condition, but
        for an agent to begin with.

        Args:
            condition: the condition that the settings are of.
        """
        return [condition]

    def spends(self, condition: Condition, level: int) -> tuple[int, int]:
        """The labels and steps that a round asks for, as configured.

        Args:
            condition: the condition that the settings are of.
            level: as in ``of_actions``.
        """
        each = condition.assistant if level else condition.task
        return each.labels * self.asks, each.steps

    def total(self, plan: Plan) -> tuple[int, int]:
        """All steps and labels of a round.

        Args:
            plan: of the round.
        """
        return plan.schedule.total()

    def steps_after(self, rollouts: int, plan: Plan) -> int:
        """About how many steps a round has taken.

        Args:
            rollouts: how many have been done.
            plan: of the round.
        """
        return plan.schedule.steps_due(rollouts)

    def content(self, plan: Plan) -> dict[str, Any]:
        return {"reward": None, **super().content(plan)}


class LearnerSettings(Choice):
    """The section ``learner``: the keys of every learner."""

    slot: ClassVar = LEARNER

    algorithm: str = Field(
        default="ppo",
        description="The reinforcement learning algorithm: ppo; or a class of your own, 'package.module:Class' or"
        " 'path/to/file.py:Class'. learner: path/to/file.py:Class is short for it. Its settings stand beside"
        " algorithm.",
    )
    num_envs: Copies = Field(default=256, description="Copies of the world that are stepped together.")
    n_steps: Count = Field(
        default=16, le=MOST_ROLLOUT, description="Steps of each copy in a rollout, between two updates of the policy."
    )
    learning_rate: LearningRate = Field(
        default=3e-3,
        description="Adam's learning rate: a number, or lin_3e-3 for one that falls linearly from there to 0 over the"
        " round (Schulman et al. 2017, table 5). With a constant rate the most likely action changes in some states"
        " with every update, the last one included.",
    )

    @property
    def initial_learning_rate(self) -> float:
        """The learning rate of the first rollout."""
        return float(str(self.learning_rate).removeprefix(LINEAR))

    @property
    def is_linear(self) -> bool:
        """Whether the learning rate falls linearly to 0."""
        return isinstance(self.learning_rate, str)


class Brought(Choice):
    """The section of a choice of the user's own. The settings that its class declares are keys beside the shared
    ones."""

    @property
    def settings(self) -> Any:
        """An instance of its class's ``Settings``; None where it declares none."""
        declared = self.slot.declared(self.name)
        return declared.model_validate(self.model_extra) if declared else None

    @property
    def keywords(self) -> dict[str, Any]:
        settings = self.settings
        return {} if settings is None else {"settings": settings}

    def find(self) -> type[Any]:
        return self.slot.find(self.name)

    def clashes(self, condition: Condition) -> Iterator[Clash]:
        """The contradictions that its ``Settings`` report, if they have such a method."""
        yield from getattr(self.settings, "clashes", super().clashes)(condition)

    def check(self, plan: Plan) -> None:
        """That of its ``Settings``, where they have such a method."""
        getattr(self.settings, "check", super().check)(plan)

    def share(self) -> dict[str, Any]:
        """The fingerprint of its code, which includes its defaults, and the settings that are not at their defaults."""
        settings = self.settings
        return {
            **self.model_dump(mode="json", include={*self.slot.shared}, exclude_defaults=True),
            self.slot.key: f"{self.name} {fingerprint(self.find(), self.name)}",
            "settings": settings.model_dump(mode="json", exclude_defaults=True) if settings else {},
        }


class BroughtAmplifier(Brought, AmplifySettings, extra="allow"):
    """A user's own way to amplify."""


class BroughtDistiller(Brought, DistillSettings, extra="allow"):
    """A user's own way to distill."""

    @property
    def needs(self) -> Collection[str]:
        return tuple(getattr(self.find(), "needs", ()))


class BroughtLearner(Brought, LearnerSettings, extra="allow"):
    """A user's own learner."""

    @property
    def keywords(self) -> dict[str, Any]:
        return {"n_steps": self.n_steps, **super().keywords}

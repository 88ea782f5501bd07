"""The schema of an experiment: its keys, their defaults and ranges.

A configuration is a mapping. Its top level has the keys of the experiment (``seeds``, ``budget``, …) and those of all
its conditions (``env``, ``task``, ``horizon``, …). ``conditions.<name>`` overrides any of the latter. The condition
names in ``NAMED`` bring settings of their own, so ``assisted:`` needs no further keys.

Configurations are read and checked in load.py. Nothing here imports torch.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    Field,
    SerializeAsAny,
    ValidationInfo,
    WithJsonSchema,
    field_serializer,
    field_validator,
)

from rrm.choices import AMPLIFY, DISTILL, LEARNER, SLOTS
from rrm.config.slots import AmplifySettings, DistillSettings, LearnerSettings
from rrm.config.values import MOST_LABELS, MOST_STEPS, Copies, Count, JSONValues, Large, Section, Seeds, Share, whole

if TYPE_CHECKING:
    from rrm.envs.world import World


class Horizon(Section):
    """How far the agent optimises its reward."""

    discount: Share | None = Field(
        default=None,
        description="Discount of the reward: at 0 only the next step counts, at 1 the whole episode. null: 0.95, or 1"
        " where horizon.window is set.",
    )
    window: Large | None = Field(
        default=None,
        description="Length of a receding window: a step is credited with the rewards of so many steps, its own the"
        " first, and nothing is bootstrapped past them. null: no window, rewards count to the end of the episode.",
    )

    @property
    def gamma(self) -> float:
        """The discount that holds."""
        if self.discount is not None:
            return self.discount
        return 0.95 if self.window is None else 1.0


class Round(Section):
    """The budget and schedule of one round: of one agent, trained under one overseer."""

    steps: Count = Field(
        default=150_000,
        le=MOST_STEPS,
        description="Environment steps of the round: random play and PPO's rollouts together. As many whole rollouts"
        " are taken as fit.",
    )
    labels: Count = Field(
        default=256,
        le=MOST_LABELS,
        description="Labels that the round asks for, exactly: the initial ones included, and comparisons that the"
        " evaluator leaves without an answer.",
    )
    label_type: Literal["scores", "comparisons"] = Field(
        default="scores",
        description="What a label is: the score of one moment (scores), or which of two moments is better"
        " (comparisons).",
    )
    initial_labels: Count = Field(
        default=128,
        le=MOST_LABELS,
        description="How many of the labels are asked before training, about states chosen from random play.",
    )
    sticky_actions: Share = Field(
        default=0.0,
        description="Chance at each step of random play that a copy of the world repeats its last action, so that"
        " random play gets further (Machado et al. 2018).",
    )
    schedule: Literal["constant", "hyperbolic"] = Field(
        default="constant",
        description="How the other labels are spread over the training: evenly (constant), or at a rate that falls to"
        " an eleventh (hyperbolic; Christiano et al. 2017).",
    )
    query_strategy: Literal["coverage", "disagreement", "rater_disagreement", "entropy", "uniform"] = Field(
        default="disagreement",
        description="How the states to label are chosen: where the networks of the reward model disagree most"
        " (disagreement); where the raters of a committee are expected to disagree most (rater_disagreement); so that"
        " they cover what has been seen, each the farthest from those before it (coverage); at random (uniform); of"
        " comparisons, where the reward model is least sure which of the two is better (entropy). The initial labels"
        " are chosen by coverage, or at random with uniform.",
    )


class AssistantRound(Round):
    """The same for an assistant's round, whose world asks for a horizon of its own."""

    horizon: Horizon | None = Field(
        default=None, description="How far assistants optimise their (narrow) reward; null: as far as the agent."
    )


class Condition(Section):
    """A named variant of an experiment: everything that one agent, and the assistants below it, are trained by."""

    env: Annotated[Any, WithJsonSchema({"type": "string"})] = Field(
        description="The environment: a registered world, such as those that `rrm envs` lists, or any Gymnasium"
        " environment. 'package:Id' imports the package first; 'package.module:name' or 'path/to/file.py:name' names a"
        " constructor. From Python it may be a constructor."
    )
    env_settings: JSONValues = Field(
        default={},
        description="Keyword arguments with which the environment is made: those of gymnasium.make (max_episode_steps"
        " among them), or of the world. Environments that are not worlds also take visible_fields, standardise, and"
        " look_ahead or spotlight, which give them an assistant.",
    )
    evaluator: Annotated[Any, WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]})] = Field(
        default="bounded",
        description="Who judges: a registered name, 'package.module:Name' or 'path/to/file.py:name'. With parameters:"
        " {name: …}; with flaws: {of: …, noise: 0.5}; several evaluators: {committee: […], by: majority}. From Python"
        " it may also be a function of a clip, or of two clips, or an rrm.Evaluator.",
    )
    evaluation_labels: Annotated[int, BeforeValidator(whole), Field(ge=0, le=10**12)] = Field(
        default=0,
        description="How often an evaluator that is not of this package is asked beyond the labels, in each round of"
        " the task: about episodes of the final policy first, each once, then evenly about those of the learning curve."
        " The evaluators of this package answer for free, and are always asked about both.",
    )
    amplify: SerializeAsAny[AmplifySettings] = Field(
        default_factory=lambda: AMPLIFY.read({}), description="How the evaluator is helped to judge."
    )
    distill: SerializeAsAny[DistillSettings] = Field(
        default_factory=lambda: DISTILL.read({}),
        description="How an agent is made from what the helped evaluator says.",
    )
    learner: SerializeAsAny[LearnerSettings] = Field(
        default_factory=lambda: LEARNER.read({}),
        description="The algorithm that trains the agent on its reward, and its settings.",
    )
    horizon: Horizon = Field(default=Horizon(), description="How far the agent optimises its reward.")
    task: Round = Field(
        default=Round(),
        description="The round in the world itself, the last one: its budget and how its labels are chosen.",
    )
    assistant: AssistantRound = Field(
        default=AssistantRound(),
        description="Each round below it, of an assistant in an evaluation world: the same keys as task, and a"
        " horizon.",
    )
    episodes: Copies = Field(default=1000, description="Fresh episodes on which the final policy is evaluated.")

    @field_validator("amplify", "distill", "learner", mode="before")
    @classmethod
    def _of_its_choice(cls, value: Any, info: ValidationInfo) -> Any:
        return SLOTS[str(info.field_name)].read(value) if isinstance(value, Mapping) else value

    @field_validator("env")
    @classmethod
    def _an_env(cls, value: Any) -> Any:
        if not isinstance(value, str) and not callable(value):
            raise ValueError("must be text" if value is None else "must be text, or a constructor")
        return value

    @field_validator("evaluator")
    @classmethod
    def _a_judge(cls, value: Any) -> Any:
        judges = callable(value) or any(hasattr(value, name) for name in ("score", "compare", "preferences"))
        if not isinstance(value, str | Mapping) and not judges:  # an array is not even equal to a name
            raise ValueError("must be a name, a section, a function of a clip, or an rrm.Evaluator")
        return value

    @field_serializer("evaluator", "env", when_used="json")
    def _name_of(self, value: Any) -> Any:
        """The name in JSON of something given as an object: 'module:qualname' of it or of its class."""
        if isinstance(value, str | int | float | None):
            return value
        if isinstance(value, Mapping):
            return {key: self._name_of(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._name_of(each) for each in value]
        named = value if hasattr(value, "__qualname__") else type(value)
        return f"{named.__module__}:{named.__qualname__}"

    def world(self, n: int) -> World:
        """The condition's world.

        Args:
            n: how many copies.
        """
        from rrm.envs.adapters import make_world

        return make_world(self.env, n, **self.env_settings)


class Budget(Section):
    """Caps on all rounds of a condition together; an experiment that asks for more is refused."""

    labels: Large | None = Field(
        default=None, description="The most labels that a condition may ask for, in all its rounds together."
    )
    steps: Large | None = Field(
        default=None, description="The most environment steps that a condition may take, in all its rounds together."
    )


LONGEST_NAME: Final = 100
"""Characters of a name. A cell's folder adds a seed and a fingerprint, and systems allow 255 bytes."""

MOST_CONDITIONS: Final = 500
MOST_EXPERIMENTS: Final = 100
"""The most experiments of a suite."""


def proper_name(value: str) -> str:
    """A name that can be a part of folder names, on every system.

    Args:
        value: the name.

    Raises:
        ValueError: it cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
        raise ValueError("must be letters, digits, '_', '-' and '.', and begin with one of the first three")
    if len(value) > LONGEST_NAME:
        raise ValueError(f"must have at most {LONGEST_NAME} characters; these are {len(value)}")
    return value


class Experiment(Section):
    """Conditions x seeds, resolved: settings for all conditions have been written into each."""

    experiment: str = Field(
        default="experiment", description="Name of the experiment and of its folder. Default: the name of the file."
    )
    seeds: Seeds = Field(
        default=(0, 1, 2),
        strict=False,
        min_length=1,
        description="How many seeds (3 means 0, 1 and 2), or a list of them.",
    )
    workers: Annotated[Count, Field(le=10_000)] | None = Field(
        default=None, description="Rounds that run at once. null: one for each core."
    )
    engine: Literal["local", "ray"] = Field(
        default="local", description="What runs the rounds: processes of this machine (local), or a Ray cluster (ray)."
    )
    ray_address: str | None = Field(
        default=None,
        description="Address of the Ray cluster, host:port. null: RAY_ADDRESS; without it, one is started here.",
    )
    budget: Budget = Field(default=Budget(), description="Caps on all rounds of a condition together.")
    conditions: dict[str, Condition] = Field(
        min_length=1,
        description="The named variants, each with the keys that it sets for itself. The names unaided, assisted, ideal"
        " and oracle carry their meaning, so that a condition of such a name may be left empty. Where the world has no"
        " evaluation world, the default is unaided and oracle.",
        json_schema_extra={"default": {"unaided": {}, "assisted": {}, "ideal": {}, "oracle": {}}},
    )
    unaided: str = Field(
        default="unaided",
        description="Name of the condition from which the gap recovered is measured: its agent's utility is 0 % of the"
        " gap.",
    )
    oracle: str = Field(
        default="oracle",
        description="Name of the condition to which the gap recovered is measured: its agent's utility is 100 % of the"
        " gap.",
    )

    _experiment_name = field_validator("experiment")(proper_name)

    @property
    def env(self) -> Any:
        """The one world of all conditions."""
        return next(iter(self.conditions.values())).env

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if twice := [seed for seed, times in Counter(value).items() if times > 1]:
            raise ValueError(f"must be distinct; {min(twice)} is there more than once")
        return value


NAMED: Final[Mapping[str, Mapping[str, Any]]] = {
    "unaided": {"amplify": {"assistants": "none"}},
    "assisted": {"amplify": {"assistants": "trained"}},
    "ideal": {"amplify": {"assistants": "ideal"}},
    "oracle": {"amplify": {"assistants": "none"}, "distill": {"reward": "true"}},
}
"""The settings that these condition names stand for, which the condition may override. A file without conditions has
these four."""

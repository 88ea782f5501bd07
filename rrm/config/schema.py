"""What an experiment is: its words, their defaults and ranges, and what it costs.

A configuration is a mapping. Its top level holds what belongs to the experiment (``seeds``, ``budget``, …) and whatever
holds for all its conditions (``env``, ``task``, ``horizon``, …); ``conditions.<name>`` overrides any of the latter. The
condition names in ``NAMED`` carry their meaning, so ``assisted:`` alone says everything.

How one is read, and what may not stand together, is in load.py. Nothing here imports torch.
"""

from __future__ import annotations

import json
import numbers
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_serializer, field_validator

if TYPE_CHECKING:
    from rrm.envs.world import World

# --- The words --------------------------------------------------------------------------------------------------------


def _whole(value: Any) -> Any:
    """Take 1e6 and NumPy's integers for the whole numbers that they are; leave the rest to the check that follows."""
    if isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    return value


def _real(value: Any) -> Any:
    """The same for NumPy's reals."""
    if isinstance(value, bool | int | str):
        return value
    return float(value) if isinstance(value, numbers.Real) else value


def _text(value: Any) -> Any:
    """A path as text."""
    return str(value) if isinstance(value, Path) else value


def _true(value: Any) -> Any:
    """YAML reads ``reward: true`` as a truth value."""
    return "true" if value is True else value


Count = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Large = Annotated[Count, Field(le=10**12)]
"""What costs nothing, however large it is."""

Copies = Annotated[Count, Field(le=10**5)]
"""Copies of a world, all in memory together."""

Width = Annotated[Count, Field(le=4096)]
"""Of a layer."""

MOST_ROLLOUT: Final = 10**7
"""Steps of all copies between two updates, all in memory together."""

MOST_STEPS: Final = 10 * MOST_ROLLOUT
"""Steps of a round: a tenth of them is random play, all in memory together."""

MOST_LABELS: Final = 10**6
"""Labels of a round, all in memory together."""

Real = Annotated[float, BeforeValidator(_real)]
Kind = Literal["narrow", "broad", "approval"]
"""What an agent may be paid from a reward model."""

Judging = Literal["advance", "hindsight", "lower"]
"""When a step is judged: when it is taken, by what came of it, or by the lower of the two."""

Share = Annotated[Real, Field(ge=0, le=1)]
Positive = Annotated[Real, Field(gt=0)]
LearningRate = Annotated[Positive, Field(le=1)]
"""Adam's: about how far a weight moves in one step."""


class _Section(BaseModel):
    """Unknown keys, wrong types (no '5' for 5, no true for 1), NaN and infinity are errors; nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Horizon(_Section):
    """How far the agent optimises its reward."""

    discount: Share | None = Field(
        default=None,
        description="Discount of the reward: at 0 only the next step counts, at 1 the whole episode. null: 0.95, or 1"
        " within a window.",
    )
    window: Large | None = Field(
        default=None,
        description="Receding windows: of each step the next so many rewards count, and nothing is bootstrapped past"
        " them. null: to the end of the episode.",
    )

    @property
    def gamma(self) -> float:
        """The discount that holds."""
        if self.discount is not None:
            return self.discount
        return 0.95 if self.window is None else 1.0


class Round(_Section):
    """The budget and schedule of one round: of one agent, trained under one overseer."""

    steps: Count = Field(
        default=150_000,
        le=MOST_STEPS,
        description="Every step of the world that the round takes: random play and PPO together. Kept to one rollout.",
    )
    labels: Count = Field(
        default=256,
        le=MOST_LABELS,
        description="Labels that the round asks of its overseer, exactly; starting ones counted, and comparisons that"
        " it leaves without an answer.",
    )
    answers: Literal["scores", "comparisons"] = Field(
        default="scores", description="What a label is: the score of a moment, or which of two is better."
    )
    start_labels: Count = Field(
        le=MOST_LABELS,
        default=128,
        description="How many of the labels are asked before training, on states chosen from random play.",
    )
    hold: Share = Field(
        default=0.0,
        description="Chance at each step of random play that a copy does once more what it did last. What takes going"
        " on in one direction, play that changes its mind at every step does not reach.",
    )
    schedule: Literal["constant", "hyperbolic"] = Field(
        default="constant",
        description="How the other labels are spread over the training: evenly, or at a rate that falls to an eleventh"
        " (Christiano et al. 2017).",
    )
    ask: Literal["coverage", "disagreement", "dissent", "entropy", "uniform"] = Field(
        default="disagreement",
        description="How states to label are chosen: where the members of the reward model disagree most, to cover what"
        " has been seen (farthest-point), or uniformly at random; of a committee also where its members are expected to"
        " dissent. The first labels cover in all but the uniform one."
        " Comparisons are of two such states; disagreement is then that about which is better, and entropy asks where"
        " the reward model as a whole is least sure of that.",
    )


class Assistance(Round):
    """The same for an assistant's round, whose world asks for a horizon of its own."""

    horizon: Horizon | None = Field(
        default=None, description="How far assistants optimise their (narrow) reward; null: as far as the agent."
    )


class PPO(_Section):
    """The learner: Stable-Baselines3's PPO."""

    copies: Copies = Field(default=256, description="Copies of the world that are stepped together.")
    rollout: Count = Field(
        default=16, le=MOST_ROLLOUT, description="Steps of each copy between two updates of the policy."
    )
    batch: Annotated[Count, Field(ge=2)] = Field(
        default=512,
        le=MOST_ROLLOUT,
        description="Minibatch of an update; divides copies x rollout, so that no minibatch is a small remainder.",
    )
    epochs: Count = Field(default=4, le=1000, description="Passes over each rollout.")
    learning_rate: LearningRate = Field(default=3e-3, description="Adam's learning rate.")
    anneal: bool = Field(
        default=False,
        description="Whether the learning rate falls evenly to 0 over the round (Schulman et al. 2017, table 5)."
        " Otherwise the most likely actions change in some states with every update, the last one included.",
    )
    gae_lambda: Share = Field(default=0.9, description="Lambda of generalised advantage estimation.")
    clip: Positive = Field(
        default=0.2, le=100, description="Range to which the ratio of new to old probabilities is clipped."
    )
    entropy: Annotated[Real, Field(ge=0)] = Field(default=0.02, le=100, description="Weight of the entropy bonus.")
    hidden: tuple[Width, ...] = Field(
        default=(64, 64),
        strict=False,
        min_length=1,
        max_length=16,
        description="Widths of the hidden layers of policy and critic.",
    )
    activation: Literal["relu", "tanh"] = Field(
        default="relu",
        description="Of these layers. On a few quantities, as foreign environments observe them, tanh explores better.",
    )


class RewardModelConfig(_Section):
    """The reward model V: an ensemble fitted to the labels."""

    network: Literal["cells", "whole"] = Field(
        default="cells",
        description="What V is on a grid: a sum over its cells of one small network (cells), which learns from few"
        " labels where each thing counts by itself; or one network of the whole observation (whole), where it counts"
        " how things lie to each other. Without a grid there is no difference.",
    )
    members: Count = Field(default=3, le=100, description="Members of the ensemble; their mean is V.")
    judges: Literal["state", "rate"] = Field(
        default="state",
        description="What a label is about: how much has been accomplished at the moment judged (state), or how good"
        " the moments of a segment are (rate), V being that of one of them.",
    )
    segment: Count = Field(
        default=25, le=10_000, description="Steps of a segment, the last ones of what is judged, where V judges a rate."
    )
    hidden: Width = Field(default=16, description="Width of each member's hidden layers.")
    fit_steps: Count = Field(default=40, le=10**6, description="Gradient steps of each fit.")
    batch: Count = Field(default=128, le=10**6, description="Labels in each gradient step.")
    learning_rate: LearningRate = Field(default=3e-3, description="Adam's learning rate.")
    optimism: Annotated[Real, Field(ge=0)] = Field(
        default=1.0,
        le=100,
        description="Weight of the members' standard deviation that PPO's reward adds to V while training, so that the"
        " agent tries what V does not know. It falls evenly to 0 over the first 70 % of the rollouts; labels, fits and"
        " results go by V alone. One member has no spread, and then it changes nothing.",
    )


class Condition(_Section):
    """A named variant of an experiment: everything that one agent, and the assistants below it, are trained by."""

    env: Any = Field(
        description="A registered world, such as those that `rrm envs` lists, or any Gymnasium environment;"
        " 'package:Id' imports the package first. 'package.module:name' names a constructor; from Python it may be one."
    )
    env_settings: dict[str, Any] = Field(
        default={},
        description="What the environment is made with: keywords of gymnasium.make (max_episode_steps among them), or"
        " of the world; for environments that are not worlds also visible_fields, standardise, and look_ahead or"
        " spotlight, which give them an assistant.",
    )
    evaluator: Any = Field(
        default="bounded",
        description="Who judges: a registered name, 'package.module:Name' or 'path/to/file.py:name'; from Python also a"
        " function of a clip, or of two, or an Evaluator. With parameters: {name: …}, with flaws: {of: …, noise: 0.5},"
        " several: {committee: […], by: majority}.",
    )
    assistants: Literal["none", "trained", "repeated", "ideal", "random"] = Field(
        default="none",
        description="Who helps the evaluator: nobody, agents trained in earlier rounds (repeated: that of the first"
        " alone, at all levels, so that nothing is learnt with help), the world's scripted perfect ones, or agents that"
        " act at random.",
    )
    depth: Annotated[int, BeforeValidator(_whole), Field(ge=0)] | None = Field(
        default=None,
        description="Levels of assistants below the task; null: as many as the world has evaluation worlds.",
    )
    reward: Annotated[Literal[Kind, "true"], BeforeValidator(_true)] = Field(
        default="narrow",
        description="What PPO is paid: V(s1) - V(s0) each step (narrow), V(s_T) at the end (broad), what the evaluator"
        " thinks of the action (approval: a model of state and action, where the world or the evaluator judges"
        " actions), or the difference of the true utility (true: the oracle, which asks nobody).",
    )
    judging: Judging = Field(
        default="advance",
        description="Whether a step is judged when it is taken, by what came of it at the episode's end, or by the"
        " lower of the two. All but the first need horizon.window.",
    )
    horizon: Horizon = Field(default=Horizon(), description="How far the agent optimises its reward.")
    demonstrations: Annotated[str, BeforeValidator(_text)] | None = Field(
        default=None,
        description="A file of demonstrations of the task (rrm.demonstrate makes one), preferred to random play where"
        " its labels are comparisons; as many such pairs as task.start_labels, none of them a label.",
    )
    task: Round = Field(default=Round(), description="The round in the world itself: the last one.")
    assistant: Assistance = Field(default=Assistance(), description="Each round below it, in an evaluation world.")
    states_from: Literal["unaided", "world"] = Field(
        default="unaided",
        description="Where assistants practise: in states that the unaided agent of the same seed visits (its labels"
        " and steps are counted), or in those of the world's own generator.",
    )
    ppo: PPO = Field(default=PPO(), description="The learner.")
    reward_model: RewardModelConfig = Field(default=RewardModelConfig(), description="The reward model.")
    episodes: Copies = Field(default=1000, description="Fresh episodes on which the final policy is judged.")

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

    @field_validator("env_settings")
    @classmethod
    def _json(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            right = "finite numbers, text, truth values, lists, mappings"
            raise ValueError(f"must hold values that JSON can: {right}") from None
        return value

    @field_serializer("evaluator", "env", when_used="json")
    def _name_of(self, value: Any) -> Any:
        """What is given as an object is named in JSON, not kept there: 'module:qualname' of it or of its class."""
        if isinstance(value, str | int | float | None):
            return value
        if isinstance(value, Mapping):
            return {key: self._name_of(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._name_of(each) for each in value]
        named = value if hasattr(value, "__qualname__") else type(value)
        return f"{named.__module__}:{named.__qualname__}"

    def world(self, n: int) -> World:
        """Its world, with ``n`` copies."""
        from rrm.envs.adapters import make_world

        return make_world(self.env, n, **self.env_settings)


class Budget(_Section):
    """Caps on all rounds of a condition together; an experiment that asks for more is refused."""

    labels: Large | None = Field(default=None, description="Labels that a condition may ask, all its rounds together.")
    steps: Large | None = Field(default=None, description="Steps that a condition may take, all its rounds together.")


MOST_SEEDS: Final = 10_000
"""So that a slip of the finger does not fill the memory."""


def _seeds(value: Any) -> Any:
    """3 means 0, 1, 2."""
    if isinstance(value, list | tuple):
        if len(value) > MOST_SEEDS:
            raise ValueError(f"must be at most {MOST_SEEDS}; these are {len(value)}")
        return value
    value = _whole(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number, or a list of seeds")
    if not 1 <= value <= MOST_SEEDS:
        raise ValueError(f"must be from 1 to {MOST_SEEDS}, or a list of seeds")
    return tuple(range(value))


LONGEST_NAME: Final = 100
"""Characters of a name. A cell's folder adds a seed and a fingerprint, and systems allow 255 bytes."""

MOST_CONDITIONS: Final = 500


def proper_name(value: str) -> str:
    """Names become parts of folder names, on every system."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
        raise ValueError("must be letters, digits, '_', '-' and '.', and begin with one of the first three")
    if len(value) > LONGEST_NAME:
        raise ValueError(f"must have at most {LONGEST_NAME} characters; these are {len(value)}")
    return value


class Experiment(_Section):
    """Conditions x seeds, resolved: what holds for all conditions has been written into each."""

    experiment: str = Field(
        default="experiment", description="Name of the experiment and of its folder; the file's by default."
    )
    seeds: Annotated[
        tuple[Annotated[int, BeforeValidator(_whole), Field(ge=0, le=10**9)], ...], BeforeValidator(_seeds)
    ] = Field(
        default=(0, 1, 2),
        strict=False,
        min_length=1,
        description="How many seeds (3 means 0, 1 and 2), or a list of them.",
    )
    workers: Annotated[Count, Field(le=10_000)] | None = Field(
        default=None, description="Processes at once; null: one for each core."
    )
    budget: Budget = Field(default=Budget(), description="Caps on all rounds of a condition together.")
    conditions: dict[str, Condition] = Field(
        min_length=1,
        description="The named variants. The default is unaided, assisted, ideal and oracle; where the world has no"
        " evaluation world, unaided and oracle.",
    )
    unaided: str = Field(default="unaided", description="The condition from which the gap is measured.")
    oracle: str = Field(default="oracle", description="The condition to which the gap is measured.")

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
    "unaided": {"assistants": "none"},
    "assisted": {"assistants": "trained"},
    "ideal": {"assistants": "ideal"},
    "oracle": {"assistants": "none", "reward": "true"},
}
"""What these condition names mean, unless the condition itself says otherwise. The four of a file that names none."""

# --- What a condition costs -------------------------------------------------------------------------------------------


def levels(condition: Condition) -> int:
    """How many assistants stand below the task: 0 where nobody helps, else its depth or its world's."""
    if condition.assistants == "none":
        return 0
    return condition.world(1).depth if condition.depth is None else condition.depth


def trained(condition: Condition) -> int:
    """How many of them are trained, each in a round of its own."""
    below = levels(condition)
    return {"trained": below, "repeated": min(1, below)}.get(condition.assistants, 0)


def cost(condition: Condition) -> tuple[int, int]:
    """(labels, steps) that a condition asks for, all its rounds together, as configured.

    Those are its task, a round for each assistant that is trained, and the unaided agent in whose states they practise.
    The true reward asks for no labels.
    """
    rounds = [condition.task]
    if below := trained(condition):
        rounds += [condition.assistant] * below
        rounds += [condition.task] * (condition.states_from == "unaided")
    labels = 0 if condition.reward == "true" else sum(each.labels for each in rounds)
    return labels, sum(each.steps for each in rounds)

"""What an experiment is: its words, their defaults and ranges, and what may not stand together.

A configuration is a mapping. Its top level holds what belongs to the experiment (``seeds``, ``budget``, …) and whatever
holds for all its conditions (``env``, ``task``, ``horizon``, …); ``conditions.<name>`` overrides any of the latter. In
order, the later wins: the defaults here, the file's top level, top-level overrides, the file's condition, overrides of
that condition. The condition names in ``NAMED`` carry their meaning, so ``assisted:`` alone says everything.

``load`` returns it resolved and checked, or raises ``ConfigError``: one line that names the field, its value and what
would be right. Nothing here writes a file or imports torch.
"""

from __future__ import annotations

import difflib
import importlib
import json
import math
import numbers
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_serializer, field_validator

from rrm.errors import ConfigError, nearest
from rrm.reading import WHOLE, Tree, clip, line, merge, parse, plain, read, show

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


Count = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=10**12)]
Real = Annotated[float, BeforeValidator(_real)]
Kind = Literal["narrow", "broad", "approval"]
"""What an agent may be paid from a reward model."""

Judging = Literal["advance", "hindsight", "lower"]
"""When a step is judged: when it is taken, by what came of it, or by the lower of the two."""

Share = Annotated[Real, Field(ge=0, le=1)]
Positive = Annotated[Real, Field(gt=0)]


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
    window: Count | None = Field(
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
        description="Every step of the world that the round takes: random play and PPO together. Kept to one rollout.",
    )
    labels: Count = Field(
        default=256,
        description="Labels that the round asks of its overseer, exactly; starting ones counted, and comparisons that"
        " it leaves without an answer.",
    )
    answers: Literal["scores", "comparisons"] = Field(
        default="scores", description="What a label is: the score of a moment, or which of two is better."
    )
    start_labels: Count = Field(
        default=128, description="How many of the labels are asked before training, on states chosen from random play."
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

    copies: Count = Field(default=256, description="Copies of the world that are stepped together.")
    rollout: Count = Field(default=16, description="Steps of each copy between two updates of the policy.")
    batch: Annotated[Count, Field(ge=2)] = Field(
        default=512,
        description="Minibatch of an update; divides copies x rollout, so that no minibatch is a small remainder.",
    )
    epochs: Count = Field(default=4, description="Passes over each rollout.")
    learning_rate: Positive = Field(default=3e-3, description="Adam's learning rate.")
    gae_lambda: Share = Field(default=0.9, description="Lambda of generalised advantage estimation.")
    clip: Positive = Field(default=0.2, description="Range to which the ratio of new to old probabilities is clipped.")
    entropy: Annotated[Real, Field(ge=0)] = Field(default=0.02, description="Weight of the entropy bonus.")
    hidden: tuple[Count, ...] = Field(
        default=(64, 64), strict=False, min_length=1, description="Widths of the hidden layers of policy and critic."
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
    members: Count = Field(default=3, description="Members of the ensemble; their mean is V.")
    judges: Literal["state", "rate"] = Field(
        default="state",
        description="What a label is about: how much has been accomplished at the moment judged (state), or how good"
        " the moments of a segment are (rate), V being that of one of them.",
    )
    segment: Count = Field(
        default=25, description="Steps of a segment, the last ones of what is judged, where V judges a rate."
    )
    hidden: Count = Field(default=16, description="Width of each member's hidden layers.")
    fit_steps: Count = Field(default=40, description="Gradient steps of each fit.")
    batch: Count = Field(default=128, description="Labels in each gradient step.")
    learning_rate: Positive = Field(default=3e-3, description="Adam's learning rate.")


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
    assistants: Literal["none", "trained", "ideal", "random"] = Field(
        default="none",
        description="Who helps the evaluator: nobody, agents trained in earlier rounds, the world's scripted perfect"
        " ones, or agents that act at random.",
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
    episodes: Count = Field(default=1000, description="Fresh episodes on which the final policy is judged.")

    @field_validator("env")
    @classmethod
    def _an_env(cls, value: Any) -> Any:
        if not isinstance(value, str) and not callable(value):
            raise ValueError("must be text" if value is None else "must be text, or a constructor")
        return value

    @field_validator("env_settings")
    @classmethod
    def _json(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            raise ValueError("must hold values that JSON can: numbers, text, truth values, lists, mappings") from None
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


class Budget(_Section):
    """Caps on all rounds of a condition together; an experiment that asks for more is refused."""

    labels: Count | None = Field(default=None, description="Labels that a condition may ask, all its rounds together.")
    steps: Count | None = Field(default=None, description="Steps that a condition may take, all its rounds together.")


def _seeds(value: Any) -> Any:
    """3 means 0, 1, 2."""
    if isinstance(value, list | tuple):
        return value
    value = _whole(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number, or a list of seeds")
    if not 1 <= value <= 10_000:  # so that a slip of the finger does not fill the memory
        raise ValueError("must be from 1 to 10000, or a list of seeds")
    return tuple(range(value))


def _name(value: str) -> str:
    """Names become parts of folder names, on every system."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", value):
        raise ValueError("must be letters, digits, '_', '-' and '.', and begin with one of the first three")
    return value


class Experiment(_Section):
    """Conditions x seeds, resolved: what holds for all conditions has been written into each."""

    experiment: str = Field(
        default="experiment", description="Name of the experiment and of its folder; the file's by default."
    )
    seeds: Annotated[tuple[Annotated[int, BeforeValidator(_whole), Field(ge=0)], ...], BeforeValidator(_seeds)] = Field(
        default=(0, 1, 2),
        strict=False,
        min_length=1,
        description="How many seeds (3 means 0, 1 and 2), or a list of them.",
    )
    workers: Count | None = Field(default=None, description="Processes at once; null: one for each core.")
    budget: Budget = Field(default=Budget(), description="Caps on all rounds of a condition together.")
    conditions: dict[str, Condition] = Field(
        min_length=1,
        description="The named variants. The default is unaided, assisted, ideal and oracle; where the world has no"
        " evaluation world, unaided and oracle.",
    )
    unaided: str = Field(default="unaided", description="The condition from which the gap is measured.")
    oracle: str = Field(default="oracle", description="The condition to which the gap is measured.")

    _experiment_name = field_validator("experiment")(_name)

    @property
    def env(self) -> Any:
        """The one world of all conditions."""
        return next(iter(self.conditions.values())).env

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if twice := sorted({seed for seed in value if value.count(seed) > 1}):
            raise ValueError(f"must be distinct; {twice[0]} is there more than once")
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
    return _world_depth(condition.env, **condition.env_settings) if condition.depth is None else condition.depth


def cost(condition: Condition) -> tuple[int, int]:
    """(labels, steps) that a condition asks for, all its rounds together, as configured.

    Those are its task, a round for each trained assistant, and the unaided agent in whose states they practise. The
    true reward asks for no labels.
    """
    rounds = [condition.task]
    if condition.assistants == "trained" and (below := levels(condition)):
        rounds += [condition.assistant] * below
        rounds += [condition.task] * (condition.states_from == "unaided")
    labels = 0 if condition.reward == "true" else sum(each.labels for each in rounds)
    return labels, sum(each.steps for each in rounds)


# --- Checking ---------------------------------------------------------------------------------------------------------

_TOP: Final = tuple(dict.fromkeys((*Condition.model_fields, *Experiment.model_fields)))  # a set has no order to rely on


def _sections(*models: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The fields of ``models`` that are sections."""
    return {
        name: kind
        for model in models
        for name, field in model.model_fields.items()
        for kind in (field.annotation, *get_args(field.annotation))  # the latter where it may be null
        if isinstance(kind, type) and issubclass(kind, BaseModel) and name != "conditions"
    }


def _known(path: Sequence[str], conditions: Iterable[str]) -> Iterable[str] | None:
    """The keys that may stand under ``path``; None where a value stands, not a section."""
    match list(path):
        case []:
            return _TOP
        case ["conditions"]:
            return conditions
        case ["conditions", _, *inner]:
            model: type[BaseModel] | None = Condition
        case [first, *inner]:
            model = _sections(Condition, Experiment).get(first)
    for section in inner:
        model = _sections(model).get(section) if model else None
    return model.model_fields if model else None


def _unknown(path: Sequence[str], key: str, conditions: Iterable[str]) -> str:
    """What is wrong with ``key`` under ``path``, and the nearest right one: there, or in one of the sections there."""
    known = list(_known(path, conditions) or ())
    if list(path) == ["conditions"]:
        return f"no such condition{nearest(key, known)}"
    places = {name: name for name in known}
    for section in known:
        for name in _known([*path, section], ()) or ():
            places.setdefault(name, f"{section}.{name}")
    close = difflib.get_close_matches(key, places, n=1, cutoff=0.5)
    return f"no such key; did you mean {places[close[0]]!r}?" if close else f"no such key{nearest(key, known)}"


def _check_keys(tree: Tree, conditions: Iterable[str], path: tuple[str, ...] = (), shown: str = "") -> None:
    """Refuse unknown keys, and values in the place of sections; a section left empty in a file says nothing.

    ``shown`` is the override that said it, where one did.
    """
    for key, value in list(tree.items()):
        here = (*path, str(key))
        dotted = shown or ".".join(here)
        known = _known(path, conditions) or ()
        if key not in known:
            raise ConfigError(f"{dotted}: {_unknown(path, str(key), conditions)}")
        if _known(here, conditions) is None:
            continue
        if value is None and not shown:
            if here[:-1] == ("conditions",):
                tree[key] = {}
            else:
                del tree[key]
        elif isinstance(value, dict):
            _check_keys(value, conditions, here, shown)
        else:
            keys = ", ".join(_known(here, conditions) or ())
            raise ConfigError(f"{dotted}: {show(value)}: must be a section; its keys are {keys}")


def _set(tree: Tree, dotted: str, value: Any, shown: str) -> None:
    """Put ``value`` at a dotted path of ``tree``, whose conditions are there already. ``shown`` names it in errors."""
    path, conditions = dotted.split("."), tree["conditions"]
    for i, key in enumerate(path):
        known = _known(path[:i], conditions)
        if known is None:
            raise ConfigError(f"{shown}: {'.'.join(path[:i])} has no keys of its own")
        if key not in known:
            raise ConfigError(f"{shown}: {_unknown(path[:i], key, conditions)}")
    said: Tree = {path[-1]: value}
    _check_keys(said, conditions, tuple(path[:-1]), shown)
    for key in reversed(path[:-1]):
        said = {key: said}
    tree.update(merge(tree, said))
    heeded = (isinstance(value, dict) and path[0] not in WHOLE) or not all(
        _at(each, path) for each in conditions.values()
    )
    if path[0] in Condition.model_fields and not heeded:
        where = f"conditions.{next(iter(conditions))}.{dotted}"
        raise ConfigError(f"{shown}: changes nothing, as every condition sets it for itself; set {where} and so on")


def _override(tree: Tree, override: str) -> None:
    """Apply 'a.b.c=value', its value read as YAML."""
    dotted, equals, text = override.partition("=")
    override = clip(line(override))
    if not equals or not dotted.strip():
        raise ConfigError(f"{override!r}: not an override; write key=value, such as seeds=5")
    _set(tree, dotted.strip(), parse(text, override), override)


def _at(tree: Any, path: Sequence[str]) -> bool:
    """Whether ``path`` is said in ``tree``."""
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return False
        tree = tree[key]
    return True


_MUST: Final = {
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "less than {lt:g}",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a section",
    "model_type": "a section",
    "too_short": "a list of at least {min_length}",
}


Model = TypeVar("Model", bound=BaseModel)


def _validated(model: type[Model], tree: Mapping[str, Any], own: Sequence[str], said: Any) -> Model:
    """``tree`` as a model, or the first thing wrong with it, its place prefixed by ``own`` where ``said`` says it."""
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
    place = [str(part) for part in wrong["loc"]]
    prefix = [*own] if _at(said, [part for part in place if not part.isdigit()]) else []
    dotted, kind, value = ".".join([*prefix, *place]), wrong["type"], wrong["input"]
    if kind == "missing":  # env alone has no default
        raise ConfigError(f"{dotted}: must be given{nearest('', _worlds())}")
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", wrong["ctx"]["expected"])
        hint = nearest(value, choices) if isinstance(value, str) else f"; there is {', '.join(map(repr, choices))}"
        raise ConfigError(f"{dotted}: {show(value)}: no such choice{hint}")
    if kind == "value_error":
        raise ConfigError(f"{dotted}: {show(value)}: {wrong['ctx']['error']}")
    must = f"must be {_MUST[kind].format(**wrong.get('ctx', {}))}" if kind in _MUST else line(wrong["msg"])
    raise ConfigError(f"{dotted}: {show(value)}: {must}")


def _clashes(condition: Condition) -> Iterator[tuple[str, Any, str]]:
    """(field, value, what would be right) for each thing that is wrong with fields together, not with one alone."""
    ppo, asks = condition.ppo, condition.reward != "true"
    rollout = ppo.copies * ppo.rollout
    size = f"ppo.copies x ppo.rollout = {ppo.copies} x {ppo.rollout} = {rollout}"
    if rollout % ppo.batch:
        small = [d for d in range(1, min(math.isqrt(rollout), 100_000) + 1) if rollout % d == 0]
        divisors = [d for d in (*small, *(rollout // d for d in small)) if d > 1]
        near = f"; the nearest that does is {min(divisors, key=lambda d: abs(d - ppo.batch))}" if divisors else ""
        yield "ppo.batch", ppo.batch, f"must divide {size}{near}"
    rounds = {"task": condition.task}
    if condition.assistants == "trained":
        rounds["assistant"] = condition.assistant
    for name, each in rounds.items():
        if each.steps < rollout:
            yield f"{name}.steps", each.steps, f"must be at least one rollout, {size}"
        if asks and each.start_labels > each.labels:
            yield f"{name}.start_labels", each.start_labels, f"must be at most {name}.labels, {each.labels}"
        if asks and each.ask == "disagreement" and condition.reward_model.members < 2:
            yield f"{name}.ask", each.ask, "needs reward_model.members of at least 2"
        if asks and each.ask == "entropy" and each.answers == "scores":
            yield f"{name}.ask", each.ask, f"is that of which of two is better: needs {name}.answers of 'comparisons'"
    if asks and condition.demonstrations is not None and condition.task.answers == "scores":
        yield "demonstrations", condition.demonstrations, "are preferred to play: needs task.answers of 'comparisons'"
    if condition.judging != "advance" and condition.horizon.window is None:
        yield "judging", condition.judging, "needs horizon.window: the step is credited when the episode is over"
    if condition.judging != "advance" and condition.reward == "broad":
        yield "judging", condition.judging, "broad reward is hindsight already: must be 'advance'"
    if (
        condition.reward == "approval"
        and condition.evaluator == "bounded"
        and not _approves(condition.env, **condition.env_settings)
    ):
        yield "reward", "approval", f"the evaluator of {condition.env} does not judge actions (World.approve)"
    if condition.reward == "true" and condition.assistants != "none":
        yield "assistants", condition.assistants, "the true reward asks no evaluator, so nobody helps: must be 'none'"
    elif condition.assistants == "none":
        if condition.depth:
            yield "depth", condition.depth, "nobody helps here: needs assistants of another kind than 'none'"
    else:
        there = _world_depth(condition.env, **condition.env_settings)
        below = _assistants_world(condition)
        if not there and condition.depth is None:
            yield "assistants", condition.assistants, f"{condition.env} has no evaluation world: must be 'none'"
        elif below and not _has_assistants(condition, below):
            right = f"nobody has scripted the ideal assistant of {condition.env}: must be 'trained', 'random' or 'none'"
            yield "assistants", condition.assistants, right
        elif below and condition.reward_model.judges == "rate" and below.criterion == "change of mind":
            yield "reward_model.judges", "rate", "assistants point at frames of the whole clip here: must be 'state'"
        elif (condition.depth or 0) > there:
            yield "depth", condition.depth, f"must be at most {there}, the evaluation worlds of {condition.env}"


def _condition(name: str, base: Tree, tree: Tree) -> Condition:
    """One condition of ``tree``, each of its fields right by itself: ``base`` is what holds for all."""
    said = tree["conditions"][name]
    own = ("conditions", name)
    merged = merge(base, said)
    # What only the top level says gives way where it can mean nothing.
    if merged.get("reward") in ("true", True) and "assistants" not in said:
        merged["assistants"] = "none"
    if merged.get("assistants", "none") == "none" and "depth" not in said:
        merged.pop("depth", None)
    return _validated(Condition, merged, own, said)


def _settled(name: str, condition: Condition, tree: Tree) -> Condition:
    """The same, its fields right together, and its depth written out."""
    own = ("conditions", name)
    for field, value, right in _clashes(condition):
        raise ConfigError(f"{_dotted(own, field, tree)}: {show(value)}: {right}")
    return condition.model_copy(update={"depth": levels(condition)})


def _dotted(own: Sequence[str], field: str, said: Mapping[str, Any]) -> str:
    """The field's full path: within the condition only where the condition says something of that section itself."""
    return ".".join([*own, field]) if _at(said, [*own, field.split(".")[0]]) else field


def _worlds() -> list[str]:
    """The registered environments that are worlds."""
    import gymnasium

    import rrm.envs  # noqa: F401  (registers them)

    return [name for name, spec in gymnasium.registry.items() if "world" in spec.kwargs]


def _check_env(condition: Condition, dotted: str) -> None:
    """Refuse what no world can be made of, and an environment that breaks a rule it has to keep."""
    import gymnasium

    env, settings = condition.env, condition.env_settings
    if not isinstance(env, str):
        _check_wrapped(env, settings, dotted)
        return
    worlds = _worlds()
    package, colon, name = env.rpartition(":")
    if colon:
        try:
            importlib.import_module(package)
        except Exception as error:  # the package is the user's: whatever it raises is news for them
            raise ConfigError(f"{dotted}: {env!r}: importing {package!r} fails: {line(error)}") from None
        worlds = _worlds()
    if name not in gymnasium.registry and not (colon and callable(getattr(sys.modules[package], name, None))):
        known = gymnasium.registry if difflib.get_close_matches(name, gymnasium.registry, cutoff=0.5) else worlds
        raise ConfigError(f"{dotted}: {env!r} is not a registered environment{nearest(name, known)}")
    if name not in worlds:
        _check_wrapped(env, settings, dotted)
        return
    try:
        _world_depth(env, **settings)
    except Exception as error:  # the world may be the user's too
        raise ConfigError(f"{dotted}: {env!r}: making it fails: {line(error)}") from None


def _check_wrapped(env: Any, settings: dict[str, Any], dotted: str) -> None:
    from rrm.envs.examine import UnfitError, name_of
    from rrm.envs.wrap import verify

    try:
        verify(env, settings)
    except UnfitError as error:
        raise ConfigError(f"{dotted}: {name_of(env)!r} {error}") from None


def _approves(env: Any, **settings: Any) -> bool:
    """Whether the world's own evaluator judges actions."""
    from rrm.envs.forms import make_world

    return make_world(env, 1, **settings).approves


def _world_depth(env: Any, **settings: Any) -> int:
    """How many levels of evaluation worlds ``env``, which is registered, has."""
    from rrm.envs.forms import make_world

    return int(make_world(env, 1, **settings).depth)


def _assistants_world(condition: Condition) -> World | None:
    """Where the assistant of level 1 acts, if there is one."""
    from rrm.envs.forms import make_world

    return make_world(condition.env, 1, **condition.env_settings).evaluation(1, 1)


def _has_assistants(condition: Condition, below: World | None) -> bool:
    """Whether there are assistants of the condition's kind: any acts at random or is trained, not all are scripted."""
    return below is not None and (condition.assistants != "ideal" or "ideal" in below.scripts)


def _check_together(conditions: Mapping[str, Condition]) -> None:
    first, *others = conditions.items()
    for name, condition in others:
        for field in ("env", "env_settings"):
            mine, its = getattr(condition, field), getattr(first[1], field)
            if mine != its:
                right = f"must be {its!r}, as in {first[0]!r}: the gap compares utilities of one world"
                raise ConfigError(f"conditions.{name}.{field}: {mine!r}: {right}")


def _check_evaluators(conditions: Mapping[str, Condition], tree: Tree) -> None:
    from rrm.evaluators import resolve

    for name, condition in conditions.items():
        try:
            resolve(condition.evaluator)
        except ConfigError as error:
            dotted = _dotted(("conditions", name), "evaluator", tree)
            message = str(error)
            raise ConfigError(f"{dotted}: {message.removeprefix('evaluator: ')}") from None


def _check_budget(experiment: Experiment) -> None:
    for name, condition in experiment.conditions.items():
        for what, asked in zip(("labels", "steps"), cost(condition), strict=True):
            allowed = getattr(experiment.budget, what)
            if allowed is not None and asked > allowed:
                raise ConfigError(
                    f"budget.{what}: {allowed}: must be at least {asked}, which the rounds of {name!r} ask for together"
                )


def load(
    config: str | Path | Mapping[str, Any] | Experiment, overrides: Sequence[str] = (), **settings: Any
) -> Experiment:
    """Read, resolve and check an experiment.

    ``config`` is a YAML file, the name of a preset, a mapping, or an experiment loaded before. ``overrides`` are
    'a.b.c=value' with values in YAML; ``settings`` are the same with Python values, mappings merging key by key
    (``task={"labels": 64}``, ``evaluator=my_function``). Both name only keys and conditions that exist.

    Raises ``ConfigError`` (one line) for the first thing that is wrong.
    """
    tree = read(config)
    if "suite" in tree:
        raise ConfigError(f"{line(config)}: is a suite, several experiments; rrm.run_suite runs it, and `rrm run` does")
    usual = tree.get("conditions") is None
    if usual:
        tree["conditions"] = {name: {} for name in NAMED}
    if not isinstance(tree["conditions"], dict) or not tree["conditions"]:
        raise ConfigError(f"conditions: {show(tree['conditions'])}: must be a section with a key for each condition")
    for name in tree["conditions"]:
        try:
            _name(name if isinstance(name, str) else "")
        except ValueError as error:
            raise ConfigError(f"conditions: {show(name)}: {error}") from None
    _check_keys(tree, tree["conditions"])
    tree["conditions"] = {name: merge(NAMED.get(name, {}), said) for name, said in tree["conditions"].items()}
    for override in overrides:
        _override(tree, override)
    for key, value in settings.items():
        _set(tree, key, plain(value), f"{key}={show(value)}")

    base = {key: value for key, value in tree.items() if key in Condition.model_fields}
    # What the top level says is checked by itself, so that its errors do not name a condition.
    _validated(Condition, {"env": "", **base}, (), {})
    conditions = {name: _condition(name, base, tree) for name in tree["conditions"]}
    _check_together(conditions)
    for name, each in conditions.items():
        _check_env(each, _dotted(("conditions", name), "env", tree))
    if usual:  # nobody has asked for help where there is none to be had
        conditions = {
            name: each
            for name, each in conditions.items()
            if each.assistants == "none"
            or tree["conditions"][name] != NAMED[name]
            or _has_assistants(each, _assistants_world(each))
        }
    conditions = {name: _settled(name, each, tree) for name, each in conditions.items()}
    rest = {key: value for key, value in tree.items() if key in Experiment.model_fields}
    experiment = _validated(Experiment, {**rest, "conditions": conditions}, (), {})
    for role in ("unaided", "oracle"):
        name = getattr(experiment, role)
        if name not in conditions and name != role:  # without these by their usual names there is just no gap
            raise ConfigError(f"{role}: {name!r}: no such condition{nearest(name, conditions)}")
    _check_evaluators(conditions, tree)
    _check_budget(experiment)
    return experiment

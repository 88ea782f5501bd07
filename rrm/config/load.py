"""Load an experiment: read what was said, resolve it, and refuse what is wrong or cannot stand together.

In order, the later wins: the defaults of schema.py, the file's top level, top-level overrides, the file's condition,
overrides of that condition. ``load`` returns the experiment resolved and checked, or raises ``ConfigError``: one line
that names the field, its value and what would be right. Nothing here writes a file or imports torch.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from rrm.config.environments import check_env, worlds
from rrm.config.keys import SHORT, full_path, renamed, renamed_value, short_path, with_short_forms, without_short_forms
from rrm.config.reading import FREE, LONGEST, WHOLE, Tree, checked, merge, parse, read
from rrm.config.schema import MOST_CONDITIONS, MOST_ROLLOUT, NAMED, Condition, Experiment, cost, levels, proper_name
from rrm.errors import ConfigError, nearest
from rrm.text import clip, line, show

if TYPE_CHECKING:
    from rrm.envs.world import World

# --- Keys, and overrides of them --------------------------------------------------------------------------------------

_CONDITION: Final = (*Condition.model_fields, *SHORT)
_TOP: Final = tuple(dict.fromkeys((*_CONDITION, *Experiment.model_fields)))  # a set has no order to rely on


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
        case ["conditions", _]:
            return _CONDITION
        case ["conditions", _, *inner]:
            model: type[BaseModel] | None = Condition
        case [first, *inner]:
            model = _sections(Condition, Experiment).get(first)
    for section in inner:
        model = _sections(model).get(section) if model else None
    return model.model_fields if model else None


def _unknown(path: Sequence[str], key: str, value: Any, conditions: Iterable[str], shown: str) -> str:
    """What is wrong with ``key`` under ``path``: its newer name; or the nearest one, there or in a section there.

    ``shown`` is the override that said it, where one did.
    """
    here = [*path, key]
    known = list(_known(path, conditions) or ())
    dotted = shown or clip(line(".".join(here)))
    if list(path) == ["conditions"]:
        return f"{dotted}: no such condition{nearest(key, known)}"
    if (names := renamed(here, value)) is not None:
        old, new = names
        if not shown:
            return f"{old}: is now {new}"
        return f"{shown}: is now {new}" if shown.startswith(f"{old}=") else f"{shown}: {old} is now {new}"
    places = {name: name for name in known}
    for section in known:
        for name in _known([*path, section], ()) or ():
            places.setdefault(name, f"{section}.{name}")
    close = difflib.get_close_matches(key, places, n=1, cutoff=0.5)
    hint = f"; did you mean {places[close[0]]!r}?" if close else nearest(key, known)
    return f"{dotted}: no such key{hint}"


def _check_keys(tree: Tree, conditions: Iterable[str], path: tuple[str, ...] = (), shown: str = "") -> None:
    """Refuse unknown keys, and values in the place of sections; a section left empty in a file says nothing.

    ``shown`` is the override that said it, where one did.
    """
    for key, value in list(tree.items()):
        here = (*path, str(key))
        dotted = shown or clip(line(".".join(here)))
        known = _known(path, conditions) or ()
        if key not in known:
            raise ConfigError(_unknown(path, str(key), value, conditions, shown))
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
    own = 2 if path[0] == "conditions" else 0
    if path[own + 1 :] and path[own] in FREE:
        value = _with_parameter(tree, path[: own + 1], path[own + 1 :], value)
        path = path[: own + 1]
    for i, key in enumerate(path):
        known = _known(path[:i], conditions)
        if known is None:
            raise ConfigError(f"{shown}: {'.'.join(path[:i])} has no keys of its own")
        if key not in known:
            raise ConfigError(_unknown(path[:i], key, _nested(path[i + 1 :], value), conditions, shown))
    _check_keys({path[-1]: value}, conditions, tuple(path[:-1]), shown)
    tree.update(merge(tree, without_short_forms(_nested(path, value))))
    heeded = (isinstance(value, dict) and path[0] not in WHOLE) or not all(
        _at(each, full_path(path)) for each in conditions.values()
    )
    if path[0] in _CONDITION and not heeded:
        where = f"conditions.{next(iter(conditions))}.{dotted}"
        raise ConfigError(f"{shown}: changes nothing, as every condition sets it for itself; set {where} and so on")


def _with_parameter(tree: Tree, path: Sequence[str], keys: Sequence[str], value: Any) -> Any:
    """What stands at ``path``, with ``value`` at ``keys`` within it; an evaluator that is a name becomes a mapping."""
    if path[-1] not in WHOLE:
        return _nested(keys, value)
    said = tree["conditions"][path[1]] if path[0] == "conditions" else tree
    said = said if _at(said, path[-1:]) else tree
    return _parameter(said.get(path[-1], "bounded"), keys, value)


def _parameter(evaluator: Any, keys: Sequence[str], value: Any) -> Any:
    parameters = dict(evaluator) if isinstance(evaluator, Mapping) else {"name": evaluator}
    first, *rest = keys
    parameters[first] = _parameter(parameters.get(first, {}), rest, value) if rest else value
    return parameters


def _nested(path: Sequence[str], value: Any) -> Any:
    """The tree that says ``value`` at ``path``."""
    for key in reversed(path):
        value = {key: value}
    return value


def _override(tree: Tree, override: str) -> None:
    """Apply 'a.b.c=value', its value read as YAML."""
    shown = clip(line(override))
    if len(override) > LONGEST:
        raise ConfigError(f"{shown}: is too long: must have at most {LONGEST:,} characters")
    dotted, equals, text = override.partition("=")
    if not equals or not dotted.strip():
        raise ConfigError(f"{shown!r}: not an override; write key=value, such as seeds=5")
    _set(tree, dotted.strip(), parse(text, shown), shown)


def _at(tree: Any, path: Sequence[str]) -> bool:
    """Whether ``path`` is said in ``tree``."""
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return False
        tree = tree[key]
    return True


# --- Each field by itself, and fields together ------------------------------------------------------------------------

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
    "too_long": "a list of at most {max_length}",
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
    dotted, kind, value = ".".join([*prefix, *short_path(place)]), wrong["type"], wrong["input"]
    if kind == "missing":  # env alone has no default
        raise ConfigError(f"{dotted}: must be given{nearest('', worlds())}")
    if kind == "literal_error" and (newer := renamed_value(place[-1], value)):
        raise ConfigError(f"{dotted}: {show(value)}: is now {newer!r}")
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
    learner, amplify, distill = condition.learner, condition.amplify, condition.distill
    asks = distill.reward != "true"
    rollout = learner.num_envs * learner.n_steps
    size = f"learner.num_envs x learner.n_steps = {learner.num_envs} x {learner.n_steps} = {rollout}"
    if rollout > MOST_ROLLOUT:
        most = MOST_ROLLOUT // learner.num_envs
        yield "learner.n_steps", learner.n_steps, f"must be at most {most}: {size}, of {MOST_ROLLOUT}"
    elif rollout % learner.batch_size:
        small = [d for d in range(1, min(math.isqrt(rollout), 100_000) + 1) if rollout % d == 0]
        divisors = [d for d in (*small, *(rollout // d for d in small)) if d > 1]
        near = (
            f"; the nearest that does is {min(divisors, key=lambda d: abs(d - learner.batch_size))}" if divisors else ""
        )
        yield "learner.batch_size", learner.batch_size, f"must divide {size}{near}"
    rounds = {"task": condition.task}
    if amplify.assistants in ("trained", "repeated"):
        rounds["assistant"] = condition.assistant
    for name, each in rounds.items():
        strategy = each.query_strategy
        if each.steps < rollout:
            yield f"{name}.steps", each.steps, f"must be at least one rollout, {size}"
        if asks and each.initial_labels > each.labels:
            yield f"{name}.initial_labels", each.initial_labels, f"must be at most {name}.labels, {each.labels}"
        if asks and strategy == "disagreement" and distill.ensemble_size < 2:
            yield f"{name}.query_strategy", strategy, "needs distill.ensemble_size of at least 2"
        if asks and strategy == "entropy" and each.label_type == "scores":
            right = f"is that of which of two is better: needs {name}.label_type of 'comparisons'"
            yield f"{name}.query_strategy", strategy, right
    if asks and distill.demonstrations is not None and condition.task.label_type == "scores":
        right = "are preferred to play: needs task.label_type of 'comparisons'"
        yield "distill.demonstrations", distill.demonstrations, right
    if distill.judging != "advance" and condition.horizon.window is None:
        yield "distill.judging", distill.judging, "needs horizon.window: the step is credited when the episode is over"
    if distill.judging != "advance" and distill.reward == "broad":
        yield "distill.judging", distill.judging, "broad reward is hindsight already: must be 'advance'"
    world = condition.world(1)
    if distill.reward == "approval" and condition.evaluator == "bounded" and not world.approves:
        yield "reward", "approval", f"the evaluator of {condition.env} does not judge actions (World.approve)"
    elif distill.reward == "approval" and not (world.approves or world.shows_actions):
        # Actions, and views besides the one that is judged, may tell what that view hides.
        yield "reward", "approval", f"{condition.env} does not show actions to its evaluator (World.shows_actions)"
    assistants, depth = amplify.assistants, amplify.depth
    if distill.reward == "true" and assistants != "none":
        yield "assistants", assistants, "the true reward asks no evaluator, so nobody helps: must be 'none'"
    elif assistants == "none":
        if depth:
            yield "depth", depth, "nobody helps here: needs assistants of another kind than 'none'"
    else:
        below = world.evaluation(1, 1)
        if not world.depth and depth is None:
            yield "assistants", assistants, f"{condition.env} has no evaluation world: must be 'none'"
        elif below and not _has_assistants(condition, below):
            right = f"nobody has scripted the ideal assistant of {condition.env}: must be 'trained', 'random' or 'none'"
            yield "assistants", assistants, right
        elif below and distill.label_target == "segment" and below.criterion == "change of mind":
            right = "assistants point at frames of the whole clip here: must be 'state'"
            yield "distill.label_target", "segment", right
        elif (depth or 0) > world.depth:
            yield "depth", depth, f"must be at most {world.depth}, the evaluation worlds of {condition.env}"
        elif assistants == "repeated" and (other := _unlike(world, levels(condition))):
            right = f"must be another kind, or of depth {other - 1}"
            yield "assistants", "repeated", f"level {other} is not observed and acted in as level 1 is: {right}"


def _condition(name: str, base: Tree, tree: Tree) -> Condition:
    """One condition of ``tree``, each of its fields right by itself: ``base`` is what holds for all."""
    said = tree["conditions"][name]
    own = ("conditions", name)
    merged = merge(base, said)
    # What only the top level says gives way where it can mean nothing.
    reward = merged.get("distill", {}).get("reward")
    amplify = merged.get("amplify", {})
    if (reward is True or (isinstance(reward, str) and reward == "true")) and not _at(said, SHORT["assistants"]):
        amplify["assistants"] = "none"
    assistants = amplify.get("assistants", "none")
    # An array has no truth value.
    if isinstance(assistants, str) and assistants == "none" and not _at(said, SHORT["depth"]):
        amplify.pop("depth", None)
    if amplify:
        merged["amplify"] = amplify
    return _validated(Condition, merged, own, said)


def _settled(name: str, condition: Condition, tree: Tree) -> Condition:
    """The same, its fields right together, and its depth written out."""
    own = ("conditions", name)
    for field, value, right in _clashes(condition):
        raise ConfigError(f"{_dotted(own, field, tree)}: {show(value)}: {right}")
    amplify = condition.amplify.model_copy(update={"depth": levels(condition)})
    return condition.model_copy(update={"amplify": amplify})


def _dotted(own: Sequence[str], field: str, tree: Tree) -> str:
    """The field's full path: within the condition only where the condition says something of that section itself."""
    name = own[-1]
    mine = field.split(".")[0] in with_short_forms(tree["conditions"][name])
    return ".".join([*own, field]) if mine else field


# --- What stands outside the file: environments, evaluators -----------------------------------------------------------


def _has_assistants(condition: Condition, below: World | None) -> bool:
    """Whether there are assistants of the condition's kind in ``below``, where A_1 acts, if there is such a world.

    Any acts at random or is trained, not all are scripted.
    """
    return below is not None and (condition.amplify.assistants != "ideal" or "ideal" in below.scripts)


def _unlike(world: World, depth: int) -> int | None:
    """The first of the levels up to ``depth`` in whose evaluation world the agent of level 1 cannot act."""
    worlds = {level: world.evaluation(level, 1) for level in range(1, depth + 1)}
    kinds = {level: (each.layout, each.action_space) for level, each in worlds.items() if each is not None}
    return next((level for level, kind in kinds.items() if kind != kinds[1]), None)


def _check_together(conditions: Mapping[str, Condition]) -> None:
    first, *others = conditions.items()
    for name, condition in others:
        for field in ("env", "env_settings"):
            mine, its = getattr(condition, field), getattr(first[1], field)
            if mine == its or (field == "env_settings" and _is_control(condition, first[1])):
                continue
            right = f"must be {its!r}, as in {first[0]!r}: the gap compares utilities of one world"
            if field == "env_settings" and first[1].world(1).controls:
                right += "; or a control of it that leaves the utility as it is"
            raise ConfigError(f"conditions.{name}.{field}: {mine!r}: {right}")


def _is_control(condition: Condition, other: Condition) -> bool:
    """Whether one's world is a control of the other's in which the same episodes come to the same."""
    from rrm.envs.admission import same_outcomes

    controls = other.world(1).controls.values()
    named = condition.env_settings in [{**other.env_settings, **settings} for settings in controls]
    return named and same_outcomes(condition.world(64), other.world(64))


def _check_evaluators(conditions: Mapping[str, Condition], tree: Tree) -> None:
    from rrm.evaluators import resolve

    for name, condition in conditions.items():
        try:
            resolve(condition.evaluator)
        except ConfigError as error:
            dotted = _dotted(("conditions", name), "evaluator", tree)
            message = str(error)
            raise ConfigError(f"{dotted}: {message.removeprefix('evaluator: ')}") from None


# --- The whole --------------------------------------------------------------------------------------------------------


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
    if len(tree["conditions"]) > MOST_CONDITIONS:
        raise ConfigError(f"conditions: must be at most {MOST_CONDITIONS}; these are {len(tree['conditions'])}")
    for name in tree["conditions"]:
        try:
            proper_name(name if isinstance(name, str) else "")
        except ValueError as error:
            raise ConfigError(f"conditions: {show(name)}: {error}") from None
    _check_keys(tree, tree["conditions"])
    tree = without_short_forms(tree)
    tree["conditions"] = {name: merge(NAMED.get(name, {}), said) for name, said in tree["conditions"].items()}
    for override in overrides:
        _override(tree, override)
    for key, value in settings.items():
        _set(tree, key, checked(value, key), f"{key}={show(value)}")

    base = {key: value for key, value in tree.items() if key in Condition.model_fields}
    # What the top level says is checked by itself, so that its errors do not name a condition.
    _validated(Condition, {"env": "", **base}, (), {})
    conditions = {name: _condition(name, base, tree) for name in tree["conditions"]}
    for name, each in conditions.items():
        check_env(each, _dotted(("conditions", name), "env", tree))
    _check_together(conditions)
    if usual:  # nobody has asked for help where there is none to be had
        conditions = {
            name: each
            for name, each in conditions.items()
            if each.amplify.assistants == "none"
            or tree["conditions"][name] != NAMED[name]
            or _has_assistants(each, each.world(1).evaluation(1, 1))
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

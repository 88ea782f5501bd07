"""Load an experiment: read its configuration, resolve it, and refuse errors and contradictions.

The later of these overrides the earlier: the defaults of schema.py, the file's top level, top-level overrides, the
file's condition, overrides of that condition. ``load`` returns the experiment resolved and checked, or raises
``ConfigError``: one line that names the field, its value and what would be right. Nothing here writes a file or imports
torch.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rrm.choices import DISTILL, SLOTS
from rrm.config.checks import check_together, clashes, has_assistants
from rrm.config.cost import cost, levels
from rrm.config.environments import check_env, registered_worlds
from rrm.config.keys import (
    SHORT,
    chosen,
    is_true,
    layered,
    renamed_value,
    short_path,
    stated,
    with_short_forms,
    without_short_forms,
    written_out,
)
from rrm.config.overrides import apply_override, check_keys, set_value, states
from rrm.config.reading import Tree, checked, read
from rrm.config.schema import MOST_CONDITIONS, NAMED, Condition, Experiment, proper_name
from rrm.errors import ConfigError, nearest
from rrm.text import line, show

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


def _validated(model: type[Model], tree: Mapping[str, Any], own: Sequence[str], section: Any) -> Model:
    """Validate ``tree``, or report its first error; ``own`` is the prefix of what ``section`` itself states."""
    try:
        return model.model_validate(tree)
    except ConfigError as error:  # a slot's choice is not there
        field, colon, rest = str(error).partition(": ")
        prefix = [*own] if states(section, field.split(".")[:1]) else []
        raise ConfigError(f"{'.'.join([*prefix, field])}{colon}{rest}") from None
    except ValidationError as error:
        wrong = _first(error)
    place = [str(part) for part in wrong["loc"]]
    while isinstance(inner := wrong.get("ctx", {}).get("error"), ValidationError):  # of a slot's section
        wrong = _first(inner)
        place += [str(part) for part in wrong["loc"]]
    prefix = [*own] if states(section, [part for part in place if not part.isdigit()]) else []
    dotted, kind, value = ".".join([*prefix, *short_path(place)]), wrong["type"], wrong["input"]
    if kind == "extra_forbidden" and (slot := SLOTS.get(place[0])):
        choice = tree[slot.section].get(slot.key, slot.default)
        raise ConfigError(f"{dotted}: {show(value)}: {slot.unknown(choice, place[1:])}")
    if kind == "missing":
        suite = [each for each in registered_worlds() if each.startswith("rrm/")]
        worlds = nearest("", suite) if place == ["env"] else ""
        raise ConfigError(f"{dotted}: must be given{worlds}")
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


def _first(error: ValidationError) -> ErrorDetails:
    """The first error. An unknown key comes before a missing one, because it may be that key, misspelt."""
    errors = error.errors(include_url=False)
    unknown = (each for each in errors if each["type"] == "extra_forbidden")
    return next(unknown, errors[0]) if errors[0]["type"] == "missing" else errors[0]


def _condition(name: str, base: Tree, tree: Tree) -> Condition:
    """One condition of ``tree``, each of its fields right by itself: ``base`` is what holds for all."""
    settings = tree["conditions"][name]
    own = ("conditions", name)
    method = chosen(base.get("distill"), DISTILL, DISTILL.default)
    distill = DISTILL.model(method)
    is_oracle = is_true(stated(settings, "reward")) and not chosen(settings.get("distill"), DISTILL, "")
    if is_oracle and (truth := getattr(distill, "truth", "")):
        right = f"distill.method {method!r} learns from no reward; its oracle is distill: {truth}"
        raise ConfigError(f"conditions.{name}.reward: 'true': {right}")
    # What only the top level says gives way where it can mean nothing.
    merged = layered(base, settings)
    amplify = merged.get("amplify", {})
    if is_true(stated(merged, "reward")) and not states(settings, SHORT["assistants"]):
        amplify["assistants"] = "none"
    assistants = amplify.get("assistants", "none")
    # An array has no truth value.
    if isinstance(assistants, str) and assistants == "none" and not states(settings, SHORT["depth"]):
        amplify.pop("depth", None)
    if amplify:
        merged["amplify"] = amplify
    return _validated(Condition, merged, own, settings)


def _settled(name: str, condition: Condition, tree: Tree, used: Collection[str]) -> Condition:
    """The same condition after the checks between its fields, with its depth written out, and without what only the
    top level says of sections that have no effect on it but on others, ``used``."""
    own = ("conditions", name)
    fields = Condition.model_fields
    defaults = {name: fields[name].get_default(call_default_factory=True) for name in condition.distill.unused}
    for section, instead in condition.distill.unused.items():
        changed = getattr(condition, section).model_dump(mode="json", exclude_defaults=True)
        if changed and (section in tree["conditions"][name] or section not in used):
            key, value = next(iter(changed.items()))
            right = f"has no effect where distill.method is {condition.distill.name!r}, which {instead}"
            raise ConfigError(f"{_dotted(own, f'{section}.{key}', tree)}: {show(value)}: {right}")
    condition = condition.model_copy(update=defaults)
    for field, value, right in clashes(condition):
        raise ConfigError(f"{_dotted(own, field, tree)}: {show(value)}: {right}")
    amplify = condition.amplify.model_copy(update={"depth": levels(condition)})
    return condition.model_copy(update={"amplify": amplify})


def _dotted(own: Sequence[str], field: str, tree: Tree) -> str:
    """The field's full path: within the condition only where the condition says something of that section itself."""
    name = own[-1]
    mine = field.split(".")[0] in with_short_forms(tree["conditions"][name])
    return ".".join([*own, field]) if mine else field


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
    costs = {name: cost(condition) for name, condition in experiment.conditions.items()}
    for number, what in enumerate(("labels", "steps")):
        allowed = getattr(experiment.budget, what)
        name = max(costs, key=lambda name: costs[name][number])
        asked = costs[name][number]
        if allowed is not None and asked > allowed:
            raise ConfigError(
                f"budget.{what}: {allowed}: must be at least {asked}, which the rounds of {name!r} ask for together"
            )


def load(
    config: str | Path | Mapping[str, Any] | Experiment, overrides: Sequence[str] = (), **settings: Any
) -> Experiment:
    """Read, resolve and check an experiment.

    Args:
        config: a YAML file, the name of a preset, a mapping, or an experiment loaded before.
        overrides: 'a.b.c=value', with values in YAML; they name only keys and conditions that exist.
        **settings: the same with Python values, mappings merging key by key (``task={"labels": 64}``,
            ``evaluator=my_function``).

    Returns:
        The experiment.

    Raises:
        ConfigError: one line, about the first thing that is wrong.
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
    tree = written_out(tree)
    check_keys(tree, tree)
    tree = without_short_forms(tree)
    tree["conditions"] = {name: layered(NAMED.get(name, {}), own) for name, own in tree["conditions"].items()}
    for override in overrides:
        apply_override(tree, override)
    for key, value in settings.items():
        set_value(tree, key, checked(value, key), f"{key}={show(value)}")

    base = {key: value for key, value in tree.items() if key in Condition.model_fields}
    # What the top level says is checked by itself, so that its errors do not name a condition.
    _validated(Condition, {"env": "", **base}, (), {})
    conditions = {name: _condition(name, base, tree) for name in tree["conditions"]}
    for name, each in conditions.items():
        check_env(each, _dotted(("conditions", name), "env", tree))
    check_together(conditions, str(tree.get("unaided", "unaided")))
    if usual:  # nobody has asked for help where there is none to be had
        conditions = {
            name: each
            for name, each in conditions.items()
            if each.amplify.assistants == "none"
            or tree["conditions"][name] != NAMED[name]
            or has_assistants(each, each.world(1).evaluation(1, 1))
        }
    used = {name for each in conditions.values() for name in Condition.model_fields if name not in each.distill.unused}
    conditions = {name: _settled(name, each, tree, used) for name, each in conditions.items()}
    rest = {key: value for key, value in tree.items() if key in Experiment.model_fields}
    experiment = _validated(Experiment, {**rest, "conditions": conditions}, (), {})
    for role in ("unaided", "oracle"):
        name = getattr(experiment, role)
        if name not in conditions and name != role:  # without these by their usual names there is just no gap
            raise ConfigError(f"{role}: {name!r}: no such condition{nearest(name, conditions)}")
    _check_evaluators(conditions, tree)
    _check_budget(experiment)
    return experiment

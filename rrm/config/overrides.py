"""The keys that a configuration may have, and overrides that set one of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, get_args

from pydantic import BaseModel

from rrm.choices import SLOTS
from rrm.config.keys import SHORT, choose, chosen, chosen_in, full_path, renamed, without_short_forms
from rrm.config.reading import FREE, LONGEST, WHOLE, Tree, merge, parse
from rrm.config.schema import NAMED, Condition, Experiment
from rrm.errors import ConfigError, nearest
from rrm.text import clip, line, show

CONDITION_KEYS: Final = (*Condition.model_fields, *SHORT)
_TOP: Final = tuple(dict.fromkeys((*CONDITION_KEYS, *Experiment.model_fields)))  # a set has no order to rely on


def _sections(*models: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The fields of ``models`` that are sections."""
    return {
        name: kind
        for model in models
        for name, field in model.model_fields.items()
        for kind in (field.annotation, *get_args(field.annotation))  # the latter where it may be null
        if isinstance(kind, type) and issubclass(kind, BaseModel) and name != "conditions"
    }


def _known(path: Sequence[str], tree: Tree) -> Iterable[str] | None:
    """The keys that may stand under ``path`` in a configuration; None where a value stands, not a section."""
    match list(path):
        case []:
            return _TOP
        case ["conditions"]:
            return list(tree["conditions"])
        case ["conditions", _]:
            return CONDITION_KEYS
        case [section] | ["conditions", _, section] if section in SLOTS:
            known = [key for choice in _choices(path, tree) for key in SLOTS[section].keys(choice)]
            return list(dict.fromkeys(known))
        case [section, *_] | ["conditions", _, section, *_] if section in SLOTS:
            return None
        case ["conditions", _, *inner]:
            model: type[BaseModel] | None = Condition
        case [first, *inner]:
            model = _sections(Condition, Experiment).get(first)
    for section in inner:
        model = _sections(model).get(section) if model else None
    return model.model_fields if model else None


def _choices(path: Sequence[str], tree: Tree) -> list[str]:
    """The choices that a slot's section at ``path`` may have keys of: its own or that above; at the top also those of
    the conditions."""
    slot = SLOTS[path[-1]]
    above = chosen(tree.get(slot.section), slot, slot.default)
    names = [path[1]] if len(path) > 1 else list(tree["conditions"])
    choices = [chosen_in(_meant(name, tree["conditions"].get(name)), slot, above) for name in names]
    return list(dict.fromkeys(choices if len(path) > 1 else [above, *choices]))


def _meant(name: str, condition: Any) -> Tree:
    """A condition's configuration, with the settings that its name stands for."""
    return merge(NAMED.get(name, {}), condition if isinstance(condition, Mapping) else {})


def _unknown(path: Sequence[str], key: str, value: Any, tree: Tree, shown: str) -> str:
    """The message about an unknown ``key`` under ``path``: its newer name, or the nearest key there or in a section
    there.

    ``shown`` is the override that set it, if one did.
    """
    here = [*path, key]
    known = list(_known(path, tree) or ())
    dotted = shown or clip(line(".".join(here)))
    if list(path) == ["conditions"]:
        return f"{dotted}: no such condition{nearest(key, known)}"
    slot = SLOTS.get(path[-1]) if path else None
    if slot and any(key in slot.keys(choice) for choice in slot.own):
        return f"{dotted}: {slot.unknown(_choices(path, tree)[0], [key])}"
    if (names := renamed(here, value)) is not None:
        old, new = names
        if not shown:
            return f"{old}: is now {new}"
        return f"{shown}: is now {new}" if shown.startswith(f"{old}=") else f"{shown}: {old} is now {new}"
    if slot:
        return f"{dotted}: {slot.unknown(_choices(path, tree)[0], [key])}"
    places = {name: name for name in known}
    for section in known:
        for name in _known([*path, section], tree) or ():
            places.setdefault(name, f"{section}.{name}")
    close = difflib.get_close_matches(key, places, n=1, cutoff=0.5)
    hint = f"; did you mean {places[close[0]]!r}?" if close else nearest(key, known)
    return f"{dotted}: no such key{hint}"


def check_keys(settings: Tree, tree: Tree, path: tuple[str, ...] = (), shown: str = "") -> None:
    """Refuse unknown keys, and values in the place of sections; a section left empty in a file says nothing.

    Args:
        settings: what is checked, at ``path`` of the configuration.
        tree: the configuration, with its conditions and choices.
        path: the sections above ``settings``.
        shown: the override that set it, if one did.

    Raises:
        ConfigError: there is such a key or value; the message names the nearest key.
    """
    for key, value in list(settings.items()):
        here = (*path, str(key))
        dotted = shown or clip(line(".".join(here)))
        known = _known(path, tree) or ()
        if key not in known:
            raise ConfigError(_unknown(path, str(key), value, tree, shown))
        if _known(here, tree) is None:
            continue
        if value is None and not shown:
            if here[:-1] == ("conditions",):
                settings[key] = {}
            else:
                del settings[key]
        elif isinstance(value, dict):
            check_keys(value, tree, here, shown)
        else:
            keys = ", ".join(_known(here, tree) or ())
            raise ConfigError(f"{dotted}: {show(value)}: must be a section; its keys are {keys}")


def set_value(tree: Tree, dotted: str, value: Any, shown: str) -> None:
    """Put a value at a dotted path.

    Args:
        tree: the configuration, whose conditions are there already; it is changed.
        dotted: the path.
        value: the value.
        shown: what errors call it.

    Raises:
        ConfigError: there is no such key, or the value would change nothing.
    """
    path, conditions = dotted.split("."), tree["conditions"]
    value = _choice_made(tree, path, value)
    own = 2 if path[0] == "conditions" else 0
    if path[own + 1 :] and path[own] in FREE:
        value = _with_parameter(tree, path[: own + 1], path[own + 1 :], value)
        path = path[: own + 1]
    for i, key in enumerate(path):
        known = _known(path[:i], tree)
        if known is None:
            raise ConfigError(f"{shown}: {'.'.join(path[:i])} has no keys of its own")
        if key not in known:
            raise ConfigError(_unknown(path[:i], key, _nested(path[i + 1 :], value), tree, shown))
    check_keys({path[-1]: value}, tree, tuple(path[:-1]), shown)
    if path == ["conditions"]:  # those that are named are run, and no others
        if not value:
            raise ConfigError(f"{shown}: must name at least one condition; there is {', '.join(conditions)}")
        tree["conditions"] = conditions = {name: conditions[name] for name in value}
    tree.update(merge(tree, without_short_forms(_nested(path, value))))
    heeded = (isinstance(value, dict) and path[0] not in WHOLE) or not all(
        states(each, full_path(path)) for each in conditions.values()
    )
    if path[0] in CONDITION_KEYS and not heeded:
        where = f"conditions.{next(iter(conditions))}.{dotted}"
        raise ConfigError(f"{shown}: changes nothing, as every condition sets it for itself; set {where} and so on")


def _choice_made(tree: Tree, path: Sequence[str], value: Any) -> Any:
    """The value at ``path``, with a slot's section written out. If it names a slot's choice, the choice is set in
    ``tree``, too."""
    start = 2 if path[0] == "conditions" else 0
    slot = SLOTS.get(path[start]) if len(path) > start else None
    if slot is None or (start and not isinstance(tree["conditions"].get(path[1]), dict)):
        return value
    if len(path) == start + 1 and isinstance(value, str):
        value = {slot.key: value}
    inner = _nested(path[start + 1 :], value)
    choice = inner.get(slot.key) if isinstance(inner, Mapping) else None
    if isinstance(choice, str):
        above = chosen(tree.get(slot.section), slot, slot.default) if start else slot.default
        choose(tree["conditions"][path[1]] if start else tree, slot, choice, above)
    return value


def _with_parameter(tree: Tree, path: Sequence[str], keys: Sequence[str], value: Any) -> Any:
    """The value at ``path``, with ``value`` at ``keys`` within it. An evaluator given by name becomes a mapping."""
    if path[-1] not in WHOLE:
        return _nested(keys, value)
    section = tree["conditions"][path[1]] if path[0] == "conditions" else tree
    section = section if states(section, path[-1:]) else tree
    return _parameter(section.get(path[-1], "bounded"), keys, value)


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


def apply_override(tree: Tree, override: str) -> None:
    """Apply 'a.b.c=value', its value read as YAML.

    Args:
        tree: the configuration, which is changed.
        override: 'a.b.c=value'.

    Raises:
        ConfigError: it is none, or ``set_value`` refuses it.
    """
    shown = clip(line(override))
    if len(override) > LONGEST:
        raise ConfigError(f"{shown}: is too long: must have at most {LONGEST:,} characters")
    dotted, equals, text = override.partition("=")
    if not equals or not dotted.strip():
        raise ConfigError(f"{shown!r}: not an override; write key=value, such as seeds=5")
    set_value(tree, dotted.strip(), parse(text, shown), shown)


def states(tree: Any, path: Sequence[str]) -> bool:
    """Whether a configuration states a value.

    Args:
        tree: the configuration.
        path: of the key.
    """
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return False
        tree = tree[key]
    return True

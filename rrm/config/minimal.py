"""A resolved configuration, written again as a person would write it: to run the same experiment once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from rrm.choices import SLOTS
from rrm.config.keys import chosen, with_short_forms
from rrm.config.reading import WHOLE

FIRST = ("experiment", "env", "seeds", "evaluator", "reward", "unaided", "oracle", "budget")
"""The keys that are written first; the conditions come next, and then the rest."""

OWN = ("assistants", "depth", "reward")
"""The keys that a condition's name stands for: each condition states them, even if all agree."""


def minimal_config(experiment: Mapping[str, Any], order: Sequence[str]) -> str:
    """YAML for the content of an experiment.json.

    Args:
        experiment: that content.
        order: of the conditions; those that it does not name come last.
    """
    conditions = experiment["conditions"]
    names = [*(name for name in order if name in conditions), *sorted(conditions.keys() - {*order})]
    tree = compact({**experiment, "conditions": {name: conditions[name] for name in names}})
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None)


def compact(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without defaults. What all conditions share is stated once, at the top.

    Args:
        experiment: the content of an experiment.json.
    """
    conditions = {name: with_short_forms(_without_null(tree)) for name, tree in experiment["conditions"].items()}
    shared = _shared(list(conditions.values()), but=OWN)
    tree = {**_without_null(experiment), **shared}
    del tree["conditions"]
    for role in ("unaided", "oracle"):
        if tree.get(role) == role:
            del tree[role]
    first = {key: tree.pop(key) for key in FIRST if key in tree}
    own = {name: _without(each, shared) for name, each in conditions.items()}
    return {**first, "conditions": own, **tree}


def _without_null(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without null values, which stand for absent keys; a value that is no section stays whole."""
    return {
        key: _without_null(value) if isinstance(value, Mapping) and key not in WHOLE else value
        for key, value in tree.items()
        if value is not None
    }


def _shared(trees: Sequence[Mapping[str, Any]], but: Sequence[str] = ()) -> dict[str, Any]:
    """The values in which all ``trees`` agree."""
    same: dict[str, Any] = {}
    for key in trees[0]:
        values = [tree.get(key) for tree in trees]
        sections = [value for value in values if isinstance(value, Mapping)]
        if key in but or (key in SLOTS and len({chosen(value, SLOTS[key], "") for value in values}) > 1):
            continue  # keys of different methods may have the same name
        if len(sections) == len(values) and key not in WHOLE:
            if inner := _shared(sections):
                same[key] = inner
        elif all(value == values[0] for value in values):
            same[key] = values[0]
    return same


def _without(tree: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """The values of ``tree`` that ``shared`` does not have."""
    left: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and isinstance(shared.get(key), Mapping) and key not in WHOLE:
            if inner := _without(value, shared[key]):
                left[key] = inner
        elif key not in shared:
            left[key] = value
    return left

"""Names of configuration keys: short forms of those used most often, and the new names of older keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rrm.choices import DISTILL, SLOTS, Slot
from rrm.config.reading import Tree, merge, plain
from rrm.errors import ConfigError

# --- Short forms ------------------------------------------------------------------------------------------------------

SHORT: Final[Mapping[str, tuple[str, str]]] = {
    "assistants": ("amplify", "assistants"),
    "depth": ("amplify", "depth"),
    "reward": ("distill", "reward"),
}
"""Keys that may stand at the top of a condition in place of the section and key to which they belong."""


def full_path(path: Sequence[str]) -> tuple[str, ...]:
    """A path within a condition, without short forms.

    Args:
        path: of a key, short or not.
    """
    return SHORT.get(path[0], tuple(path)) if len(path) == 1 else tuple(path)


def short_path(path: Sequence[str]) -> tuple[str, ...]:
    """The short form of a path within a condition, where it has one.

    Args:
        path: of a key.
    """
    return next(((short,) for short, full in SHORT.items() if full == tuple(path)), tuple(path))


def stated(condition: Mapping[str, Any], short: str) -> Any:
    """The value that a condition's configuration gives a key with a short form, in either form; None if it gives none.

    Args:
        condition: the configuration.
        short: the short form.
    """
    section, key = SHORT[short]
    inner = condition.get(section)
    return condition[short] if short in condition else inner.get(key) if isinstance(inner, Mapping) else None


def is_true(reward: Any) -> bool:
    """Whether a reward is the true utility; YAML reads ``reward: true`` as a truth value.

    Args:
        reward: the value of the key.
    """
    return reward is True or (isinstance(reward, str) and reward == "true")


def without_short_forms(tree: Mapping[str, Any], where: str = "") -> Tree:
    """A copy of a configuration in which short forms are written out, at the top and in each condition.

    Args:
        tree: a whole configuration, or that of one condition; its keys are known, and sections are mappings.
        where: the dotted path of ``tree`` itself, with a dot at its end, for errors.

    Raises:
        ConfigError: a key is there in both forms.
    """
    written: Tree = {key: plain(value) for key, value in tree.items() if key not in SHORT}
    for short, (section, key) in SHORT.items():
        if short in tree:
            if key in written.get(section, {}):
                raise ConfigError(f"{where}{short}: is short for {section}.{key}, which is there too: say it once")
            written = merge(written, {section: {key: tree[short]}})
    if isinstance(written.get("conditions"), dict):
        written["conditions"] = {
            name: without_short_forms(each, f"{where}conditions.{name}.") if isinstance(each, dict) else each
            for name, each in written["conditions"].items()
        }
    return written


def written_out(tree: Mapping[str, Any]) -> Tree:
    """A copy of a configuration in which a slot's choice is its section's key: ``distill: clone.py:Clone`` is short for
    ``distill: {method: clone.py:Clone}``. In older files settings of a choice of one's own stood in ``settings``.

    Args:
        tree: the configuration.
    """
    written: Tree = plain(tree)
    conditions = written.get("conditions")
    for each in (written, *(conditions.values() if isinstance(conditions, dict) else ())):
        for name, slot in SLOTS.items() if isinstance(each, dict) else ():
            if isinstance(section := each.get(name), str):
                each[name] = {slot.key: section}
            elif isinstance(section, dict) and isinstance(section.get("settings"), dict):
                section |= section.pop("settings")
    return written


def chosen(section: Any, slot: Slot, before: str) -> str:
    """The choice that a slot's section names, in either form.

    Args:
        section: of the slot, or the choice alone.
        slot: the slot.
        before: what is chosen if the section names nothing.
    """
    named: Any = section.get(slot.key) if isinstance(section, Mapping) else section
    return named if isinstance(named, str) else before


def chosen_in(condition: Any, slot: Slot, above: str) -> str:
    """The choice for a slot in a condition's configuration. The true reward is that of the oracle, which is one however
    other agents are distilled.

    Args:
        condition: the configuration.
        slot: the slot.
        above: what is chosen where the condition says nothing of it.
    """
    if not isinstance(condition, Mapping):
        return above
    is_oracle = slot is DISTILL and is_true(stated(condition, "reward"))
    return chosen(condition.get(slot.section), slot, slot.default if is_oracle else above)


def choose(tree: Tree, slot: Slot, choice: str, before: str) -> None:
    """Set the choice of a slot's section. Settings for another choice are removed.

    Args:
        tree: the configuration with the section, which is changed.
        slot: the slot.
        choice: what is chosen now.
        before: what was chosen if the section names nothing.
    """
    section = tree.get(slot.section)
    section = section if isinstance(section, dict) else {}
    if chosen(section, slot, before) != choice:
        section = {key: value for key, value in section.items() if key in slot.shared}
    tree[slot.section] = {**section, slot.key: choice}


def layered(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tree:
    """A condition's configuration, overridden. If the upper one makes another choice for a slot, the settings of the
    choice below are dropped.

    Args:
        below: the lower configuration.
        above: the upper one.
    """
    merged = {key: plain(value) for key, value in below.items()}
    for section, slot in SLOTS.items():
        was = chosen(below.get(section), slot, slot.default)
        if (now := chosen_in(above, slot, was)) != was:
            choose(merged, slot, now, was)
    return merge(merged, above)


def with_short_forms(condition: Mapping[str, Any]) -> Tree:
    """A copy of a condition's configuration that uses short forms where there are any.

    Args:
        condition: the configuration.
    """
    written = plain(condition)
    for short, (section, key) in SHORT.items():
        if key in written.get(section, {}):
            written[short] = written[section].pop(key)
    return {key: value for key, value in written.items() if value != {} or condition.get(key) == {}}


# --- Older names ------------------------------------------------------------------------------------------------------

_SECTIONS: Final = {"ppo": "learner", "reward_model": "distill"}

_ROUND: Final = {
    "start_labels": "initial_labels",
    "ask": "query_strategy",
    "answers": "label_type",
    "hold": "sticky_actions",
}

_KEYS: Final[Mapping[str, Mapping[str, str]]] = {
    "": {
        "states_from": "amplify.start_states",
        "judging": "distill.judging",
        "demonstrations": "distill.demonstrations",
    },
    "learner": {
        "learning_rate": "learning_rate",
        "gae_lambda": "gae_lambda",
        "copies": "num_envs",
        "rollout": "n_steps",
        "batch": "batch_size",
        "epochs": "n_epochs",
        "anneal": "learning_rate; write lin_3e-3 for a rate that falls linearly from there to 0",
        "clip": "clip_range",
        "entropy": "ent_coef",
        "hidden": "net_arch",
        "activation": "activation_fn",
    },
    "distill": {
        "network": "network",
        "hidden": "hidden",
        "fit_steps": "fit_steps",
        "learning_rate": "learning_rate",
        "optimism": "optimism",
        "members": "ensemble_size",
        "judges": "label_target",
        "segment": "segment_length",
        "batch": "batch_size",
        "averaging": "ema_decay; write 0.99 for an average over 100 gradient steps",
        "fits": "fit_steps",
        "warm_up": "warmup_steps",
        "spoilt": "target_noise",
        "copies": "tie_embeddings",
    },
    "amplify": {"states_from": "start_states"},
    "task": _ROUND,
    "assistant": _ROUND,
}
"""For each section ("": a condition's top level), the keys that have another name now, or were in an older section."""

_VALUES: Final = {
    ("query_strategy", "dissent"): "rater_disagreement",
    ("label_target", "rate"): "segment",
}


def renamed(path: Sequence[str], value: Any = None) -> tuple[str, str] | None:
    """An older key and its newer name, both with their sections; None if there was no such key.

    Args:
        path: the key with its sections.
        value: what it was set to. Of an older section, the first key in it is named.
    """
    start = 2 if path[0] == "conditions" else 0
    inner = list(path[start:])
    if len(inner) == 1 and inner[0] in _SECTIONS and isinstance(value, Mapping) and value:
        inner.append(str(next(iter(value))))
    match inner:
        case [key] if key in _SECTIONS:
            new: str | None = _SECTIONS[key]
        case [key]:
            new = _KEYS[""].get(key)
        case [section, key]:
            newer = _SECTIONS.get(section, section)
            name = _KEYS.get(newer, {}).get(key)
            new = f"{newer}.{name}" if name else _SECTIONS.get(section)
            inner = inner if name else [section]
        case _:
            new = None
    if new is None:
        return None
    return ".".join([*path[:start], *inner]), ".".join([*path[:start], new])


def renamed_value(key: str, value: Any) -> str | None:
    """The newer name of an older value of a key; None if there never was such a value.

    Args:
        key: dotted.
        value: that it was given.
    """
    return _VALUES.get((key, value)) if isinstance(value, str) else None

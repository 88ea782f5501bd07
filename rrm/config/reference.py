"""The reference of all configuration keys, made from the schema: for the terminal and the docs.

``rrm config`` prints it, docs/conf.py writes it into the docs. Nothing here imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from textwrap import fill, indent
from typing import Any, Final

from rrm.choices import SLOTS
from rrm.config.json_schema import SUITE, definition, keys_of, section_of
from rrm.config.keys import SHORT, chosen, chosen_in, renamed, without_short_forms
from rrm.config.reading import presets, read
from rrm.config.schema import Condition
from rrm.errors import ConfigError, nearest
from rrm.text import line

UNBOUNDED: Final = 10**12
"""A limit from here on is one against slips of the finger, and is not told."""

GROUPS: Final = {
    "The experiment": "Keys of the whole experiment. They stand at the top of the file only.",
    "The conditions": "Keys of a condition. At the top of the file they hold for all conditions, and"
    " `conditions.NAME` sets them for one. This is so in all sections below, too.",
}
"""The groups of the keys that are in no section."""


@dataclass(frozen=True)
class Key:
    """A configuration key.

    Args:
        name: with its section, such as learner.num_envs.
        values: what it may be, in words.
        default: as written in YAML; empty if the key must be given.
        meaning: one or more sentences.
        presets: the names of the presets that set it.
        choice: of a slot's key, the choice that has it; empty if all have it.
    """

    name: str
    values: str
    default: str
    meaning: str
    presets: tuple[str, ...]
    choice: str = ""

    @property
    def section(self) -> str:
        """The section of the key, with a slot's choice; for a key in no section, its group."""
        section, dot, _ = self.name.rpartition(".")
        if self.choice:
            return f"{SLOTS[section].name}: {self.choice}"
        if dot:
            return section
        return "The conditions" if self.name in Condition.model_fields else "The experiment"


# --- The keys ---------------------------------------------------------------------------------------------------------


@cache
def all_keys() -> tuple[Key, ...]:
    """All configuration keys, in the order of the schema: those of the experiment first."""
    used = {name: set(_stated_keys(name)) for name in presets()}

    def users(dotted: str, choice: str = "") -> tuple[str, ...]:
        return tuple(name for name, keys in used.items() if (dotted, choice) in keys)

    def walk(model: str, above: str) -> Iterator[Key]:
        properties = keys_of(model)
        for name in sorted(properties, key=lambda name: name not in ("method", "algorithm")):
            about = properties[name]
            dotted = f"{above}{name}"
            inner = section_of(about)
            if inner and name != "conditions":
                yield from walk(inner, f"{dotted}.")
                yield from of_choices(name, inner)
                continue
            yield Key(dotted, _values(about), _default(about), about["description"], users(dotted))

    def of_choices(section: str, model: str) -> Iterator[Key]:
        for choice in SLOTS[section].own if section in SLOTS else ():
            for name, about in keys_of(definition(SLOTS[section], choice)).items():
                if name not in keys_of(model):
                    dotted = f"{section}.{name}"
                    who = users(dotted, choice)
                    yield Key(dotted, _values(about), _default(about), about["description"], who, choice)

    suite = Key("suite", _values(SUITE), _default(SUITE), SUITE["description"], users("suite"))
    return (*walk("", ""), suite, *walk("Condition", ""))


def _values(about: Mapping[str, Any]) -> str:
    """The values that a key accepts, in words."""
    if "anyOf" in about:
        return " or ".join(_values(each) for each in about["anyOf"])
    if "const" in about:
        return str(about["const"])
    if "enum" in about:
        return ", ".join(str(each) for each in about["enum"] if not isinstance(each, bool))
    kind = about["type"]
    match kind:
        case "array":
            return f"a list of {_values(about['items']).replace('a whole number', 'whole numbers')}"
        case "object":
            return "a section"
        case "null":
            return "null"
        case "string":
            return str(about.get("examples", ["text"])[0])
        case "integer" | "number":
            return ("a whole number" if kind == "integer" else "a number") + _range(about)
    return str(kind)


def _range(about: Mapping[str, Any]) -> str:
    low, high = about.get("minimum"), about.get("maximum")
    if high is not None and high >= UNBOUNDED:
        high = None
    if low is not None and high is not None:
        return f" from {low:,} to {high:,}"
    if low is not None:
        return f" of at least {low:,}"
    if "exclusiveMinimum" in about:
        return f" of more than {about['exclusiveMinimum']:,}"
    return f" of at most {high:,}" if high is not None else ""


def _default(about: Mapping[str, Any]) -> str:
    if "default" not in about:
        return ""
    value = about["default"]
    return value if isinstance(value, str) else json.dumps(value)


def _stated_keys(preset: str) -> Iterator[tuple[str, str]]:
    """The dotted keys that a preset sets, in whichever condition; a slot's with the choice that has it, or ""."""
    tree = without_short_forms(read(preset))
    if tree["experiment"] == preset:  # as it is called without saying so
        del tree["experiment"]
    conditions = tree.get("conditions") or {}
    for section in (tree, *(condition for condition in conditions.values() if condition)):
        for key, value in section.items():
            yield key, ""
            inner = value if isinstance(value, dict) and key in _sections() else {}
            choice = ""
            if slot := SLOTS.get(key):
                choice = chosen_in(section, slot, chosen(tree.get(key), slot, slot.default))
            yield from ((f"{key}.{name}", which) for name in inner for which in {"", choice})
            if isinstance(horizon := inner.get("horizon"), dict):
                yield from ((f"{key}.horizon.{name}", "") for name in horizon)


def _sections() -> set[str]:
    models = ("", "Condition")
    return {name for model in models for name, about in keys_of(model).items() if section_of(about)} - {"conditions"}


def named(key: str) -> list[Key]:
    """The key of a name, or all keys of a section; short forms and the names of sections within sections are known.

    Args:
        key: its dotted name.

    Raises:
        ConfigError: there is none; the line says what it is called now, or which is nearest.
    """
    dotted = ".".join(SHORT.get(key, (key,)))
    keys = [each for each in all_keys() if each.name == dotted or each.name.startswith(f"{dotted}.")]
    if keys:
        return keys
    if (names := renamed(key.split("."))) is not None:
        raise ConfigError(f"{line(key)}: is now {names[1]}")
    known = {each.name for each in all_keys()} | _sections()
    leaves = {name.rpartition(".")[2]: name for name in sorted(known)}
    if key in leaves:
        raise ConfigError(f"{line(key)}: no such key; did you mean {leaves[key]!r}?")
    raise ConfigError(f"{line(key)}: no such key{nearest(key, known)}")


# --- As text ----------------------------------------------------------------------------------------------------------


def text(keys: Sequence[Key], width: int = 80) -> str:
    """Keys for the terminal. A key that several choices have alike appears once.

    Args:
        keys: in their order.
        width: characters of a line.
    """
    choices: dict[Key, list[Key]] = {}
    for each in keys:
        choices.setdefault(replace(each, choice="", presets=()), []).append(each)
    blocks = []
    for shared, alike in choices.items():
        default = f"default: {shared.default}" if shared.default else "must be given"
        paragraphs = [f"{shared.values}; {default}", shared.meaning]
        if any(key.choice for key in alike):
            method = SLOTS[shared.section].name
            paragraphs.append(f"Where {method} is {' or '.join(key.choice for key in alike)}.")
        if setting := sorted({preset for key in alike for preset in key.presets}):
            paragraphs.append(f"Presets: {', '.join(setting)}")
        blocks.append("\n".join([shared.name, *(indent(fill(one, width - 4), "    ") for one in paragraphs)]))
    return "\n\n".join(blocks)


def markdown() -> str:
    """All keys as a page of the docs: a heading for each section and for each key."""
    parts: list[str] = []
    for section in dict.fromkeys(each.section for each in all_keys()):
        title = section if section in GROUPS else f"`{section}`"
        parts += [f"## {title}", GROUPS.get(section) or _about(section)]
        for key in all_keys():
            if key.section == section:
                default = f"*Default:* `{key.default}`." if key.default else "It must be given."
                facts = f"*Values:* {_code(key.values)}. {default}"
                users = f"*Presets that set it:* {', '.join(key.presets)}." if key.presets else ""
                parts += [f"### `{key.name}`", facts, key.meaning, users]
    return "\n\n".join(filter(None, parts)) + "\n"


def _code(values: str) -> str:
    """Choices as code, words as they are."""
    words = ("a ", "text", "any")
    return ", ".join(part if part.startswith(words) or " " in part else f"`{part}`" for part in values.split(", "))


def _about(section: str) -> str:
    """The description of a section."""
    properties: Mapping[str, Any] = {**keys_of(""), **keys_of("Condition")}
    name, _, choice = section.partition(": ")
    if choice:
        slot = SLOTS[name.partition(".")[0]]
        return f"The keys of `{slot.section}` where `{slot.name}` is `{choice}`. {slot.model(choice).__doc__}"
    *above, name = section.split(".")
    for outer in above:
        properties = keys_of(section_of(properties[outer]) or "")
    return str(properties[name].get("description", ""))

"""The reference of all configuration keys, made from the schema: for the terminal, the docs, and editors.

``rrm config`` prints it, docs/conf.py writes it into the docs. Nothing here imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from textwrap import fill, indent
from typing import Any, Final

from rrm.config.keys import SHORT, renamed, without_short_forms
from rrm.config.reading import presets, read
from rrm.config.schema import Condition, Experiment
from rrm.errors import ConfigError, nearest
from rrm.text import line

UNBOUNDED: Final = 10**12
"""A limit from here on is one against slips of the finger, and is not told."""

SUITE: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "default": None,
    "description": "Several experiments, YAML files or presets, which `rrm run` runs one after the other. Such a file"
    " holds no experiment of its own; only seeds, conditions, unaided and oracle may stand beside, instead of theirs.",
}
"""The one key of a file that is no key of an experiment."""

GROUPS: Final = {
    "The experiment": "Keys of the whole experiment. They stand at the top of the file only.",
    "The conditions": "Keys of a condition. At the top of the file they hold for all conditions, and"
    " `conditions.NAME` sets them for one. This is so in all sections below, too.",
}
"""What the keys belong to that stand in no section."""


@dataclass(frozen=True)
class Key:
    """A configuration key.

    Args:
        name: with the section that it stands in, such as learner.num_envs.
        values: what it may be, in words.
        default: as written in YAML; empty where it must be given.
        meaning: one or more sentences.
        presets: the names of the presets that set it.
    """

    name: str
    values: str
    default: str
    meaning: str
    presets: tuple[str, ...]

    @property
    def section(self) -> str:
        """The section that it stands in; of keys that stand in none, the group that they belong to."""
        section, dot, _ = self.name.rpartition(".")
        if dot:
            return section
        return "The conditions" if self.name in Condition.model_fields else "The experiment"


# --- The JSON schema --------------------------------------------------------------------------------------------------

_STANDARD: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
"""Limits by pydantic's names, which it leaves where a value is converted first, and by those of JSON schema."""


def _standard(node: Any) -> Any:
    """A node of pydantic's JSON schema with limits by their standard names, the tightest of each."""
    if isinstance(node, list):
        return [_standard(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {key: _standard(value) for key, value in node.items() if key not in _STANDARD or isinstance(value, dict)}
    for key, name in _STANDARD.items():
        if isinstance(node.get(key), int | float):
            tightest = min if "max" in name.lower() else max
            found[name] = tightest(node[key], found.get(name, node[key]))
    return found


@cache
def _models() -> dict[str, Any]:
    """The JSON schema of an experiment, resolved, as pydantic tells it."""
    schema: dict[str, Any] = _standard(Experiment.model_json_schema(ref_template="#/definitions/{model}"))
    schema["definitions"] = schema.pop("$defs")
    return schema


def json_schema() -> dict[str, Any]:
    """A JSON schema (draft 7) of configuration files, for editors: every key, in every place where it may stand."""
    schema = json.loads(json.dumps(_models()))
    definitions = schema["definitions"]
    condition = definitions["Condition"]
    for short, (section, key) in SHORT.items():
        model = condition["properties"][section]["$ref"].rpartition("/")[2]
        condition["properties"][short] = definitions[model]["properties"][key]
    condition.pop("required", None)  # env may stand at the top
    schema["properties"] |= condition["properties"]
    schema["properties"]["conditions"]["additionalProperties"] = _or_null(condition)
    schema["properties"]["suite"] = SUITE
    schema.pop("required", None)
    for model in (schema, *definitions.values()):
        for name, each in model["properties"].items():
            each.pop("title", None)
            if "$ref" in each:  # a section that is left empty says nothing
                each = model["properties"][name] = _or_null(each)
            for one in (each, *each.get("anyOf", ())):
                if one.get("type") == "integer":  # 200_000 is text to editors that follow YAML 1.2
                    one.update(type=["integer", "string"], pattern="^[-+]?[0-9][0-9_]*$")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "An experiment of rrm-gym",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _or_null(section: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a section that may be left empty."""
    about = {key: value for key, value in section.items() if key in ("description", "default")}
    return {"anyOf": [{key: value for key, value in section.items() if key not in about}, {"type": "null"}], **about}


# --- The keys ---------------------------------------------------------------------------------------------------------


@cache
def all_keys() -> tuple[Key, ...]:
    """All configuration keys, in the order of the schema: those of the experiment first."""
    used = {name: set(_said(name)) for name in presets()}

    def walk(model: str, above: str) -> Iterator[Key]:
        properties = _properties(model)
        for name in sorted(properties, key=lambda name: name not in ("method", "algorithm")):
            about = properties[name]
            dotted = f"{above}{name}"
            inner = _section_of(about)
            if inner and name != "conditions":
                yield from walk(inner, f"{dotted}.")
                continue
            who = tuple(preset for preset, said in used.items() if dotted in said)
            yield Key(dotted, _values(about), _default(about), about["description"], who)

    suites = tuple(name for name, said in used.items() if "suite" in said)
    suite = Key("suite", _values(SUITE), _default(SUITE), SUITE["description"], suites)
    return (*walk("", ""), suite, *walk("Condition", ""))


def _properties(model: str) -> dict[str, Any]:
    schema = _models()
    found: dict[str, Any] = (schema["definitions"][model] if model else schema)["properties"]
    return found


def _section_of(about: Mapping[str, Any]) -> str | None:
    """The model of a key that is a section."""
    for each in (about, *about.get("anyOf", ())):
        if "$ref" in each:
            return str(each["$ref"]).rpartition("/")[2]
    return None


def _values(about: Mapping[str, Any]) -> str:
    """What a value may be, in words."""
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


def _said(preset: str) -> Iterator[str]:
    """The dotted keys that a preset sets, in whichever condition."""
    tree = without_short_forms(read(preset))
    if tree["experiment"] == preset:  # as it is called without saying so
        del tree["experiment"]
    conditions = tree.get("conditions") or {}
    for each in (tree, *(condition for condition in conditions.values() if condition)):
        for key, value in each.items():
            yield key
            inner = value if isinstance(value, dict) and key in _sections() else {}
            yield from (f"{key}.{name}" for name in inner)
            if isinstance(horizon := inner.get("horizon"), dict):
                yield from (f"{key}.horizon.{name}" for name in horizon)


def _sections() -> set[str]:
    models = ("", "Condition")
    return {name for model in models for name, about in _properties(model).items() if _section_of(about)} - {
        "conditions"
    }


def named(key: str) -> list[Key]:
    """The key of a name, or all keys of a section; short forms and the names of sections within sections are known.

    Raises:
        ConfigError: there is none; the line says what it is called now, or which is nearest.
    """
    dotted = ".".join(SHORT.get(key, (key,)))
    found = [each for each in all_keys() if each.name == dotted or each.name.startswith(f"{dotted}.")]
    if found:
        return found
    if (names := renamed(key.split("."))) is not None:
        raise ConfigError(f"{line(key)}: is now {names[1]}")
    known = {each.name for each in all_keys()} | _sections()
    leaves = {name.rpartition(".")[2]: name for name in sorted(known)}
    if key in leaves:
        raise ConfigError(f"{line(key)}: no such key; did you mean {leaves[key]!r}?")
    raise ConfigError(f"{line(key)}: no such key{nearest(key, known)}")


# --- As text ----------------------------------------------------------------------------------------------------------


def text(found: Sequence[Key], width: int = 80) -> str:
    """Keys for the terminal, lines of at most ``width`` characters."""
    blocks = []
    for each in found:
        default = f"default: {each.default}" if each.default else "must be given"
        paragraphs = [f"{each.values}; {default}", each.meaning]
        if each.presets:
            paragraphs.append(f"Presets: {', '.join(each.presets)}")
        blocks.append("\n".join([each.name, *(indent(fill(one, width - 4), "    ") for one in paragraphs)]))
    return "\n\n".join(blocks)


def markdown() -> str:
    """All keys as a page of the docs: a heading for each section and for each key."""
    parts: list[str] = []
    for section in dict.fromkeys(each.section for each in all_keys()):
        title = section if section in GROUPS else f"`{section}`"
        parts += [f"## {title}", GROUPS.get(section) or _about(section)]
        for each in all_keys():
            if each.section == section:
                default = f"*Default:* `{each.default}`." if each.default else "It must be given."
                facts = f"*Values:* {_code(each.values)}. {default}"
                users = f"*Presets that set it:* {', '.join(each.presets)}." if each.presets else ""
                parts += [f"### `{each.name}`", facts, each.meaning, users]
    return "\n\n".join(filter(None, parts)) + "\n"


def _code(values: str) -> str:
    """Choices as code, words as they are."""
    words = ("a ", "text", "any")
    return ", ".join(part if part.startswith(words) or " " in part else f"`{part}`" for part in values.split(", "))


def _about(section: str) -> str:
    """The description of a section."""
    properties: Mapping[str, Any] = {**_properties(""), **_properties("Condition")}
    *above, name = section.split(".")
    for outer in above:
        properties = _properties(_section_of(properties[outer]) or "")
    return str(properties[name].get("description", ""))

"""A JSON schema of configuration files, made from their models: for editors and the reference. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from rrm.choices import SLOTS, Slot
from rrm.config.keys import SHORT
from rrm.config.schema import Experiment

SUITE: Final[dict[str, Any]] = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "default": None,
    "description": "Several experiments, YAML files or presets, which `rrm run` runs one after the other. Such a file"
    " holds no experiment of its own; only seeds, conditions, unaided and oracle may stand beside, instead of theirs.",
}
"""The one key of a file that is no key of an experiment."""

_STANDARD: Final = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
"""Limits by pydantic's names, which it leaves where a value is converted first, and by those of JSON schema."""


def _standard(node: Any) -> Any:
    """A node of pydantic's JSON schema with limits by their standard names, the tightest of each."""
    if isinstance(node, list):
        return [_standard(each) for each in node]
    if not isinstance(node, dict):
        return node
    schema = {key: _standard(value) for key, value in node.items() if key not in _STANDARD or isinstance(value, dict)}
    for key, name in _STANDARD.items():
        if isinstance(node.get(key), int | float):
            tightest = min if "max" in name.lower() else max
            schema[name] = tightest(node[key], schema.get(name, node[key]))
    return schema


_REF: Final = "#/definitions/{model}"


@cache
def resolved() -> dict[str, Any]:
    """The JSON schema of an experiment, resolved, as pydantic tells it."""
    schema: dict[str, Any] = _standard(Experiment.model_json_schema(ref_template=_REF))
    schema["definitions"] = schema.pop("$defs")
    for slot in SLOTS.values():
        shared = str(section_of(schema["definitions"]["Condition"]["properties"][slot.section]))
        for choice in slot.own:
            settings = _standard(slot.model(choice).model_json_schema(ref_template=_REF))
            about = schema["definitions"][shared]["properties"][slot.key]["description"]
            settings["properties"][slot.key]["description"] = about
            schema["definitions"] |= {**settings.pop("$defs", {}), definition(slot, choice): settings}
    return schema


def definition(slot: Slot, choice: str) -> str:
    """The name of the definition of a slot's section.

    Args:
        slot: the slot.
        choice: the one that is made in the section.
    """
    return f"{slot.section}.{choice}"


def json_schema() -> dict[str, Any]:
    """A JSON schema (draft 7) of configuration files, for editors: every key, in every place where it may stand."""
    schema = json.loads(json.dumps(resolved()))
    definitions = schema["definitions"]
    condition = definitions["Condition"]
    for short, (section, key) in SHORT.items():
        model = definition(SLOTS[section], SLOTS[section].default)
        condition["properties"][short] = definitions[model]["properties"][key]
    for slot in SLOTS.values():
        condition["properties"][slot.section] = _chosen(slot, condition["properties"][slot.section], definitions)
    condition.pop("required", None)  # env may stand at the top
    schema["properties"] |= condition["properties"]
    schema["properties"]["conditions"]["additionalProperties"] = _or_null(condition)
    schema["properties"]["suite"] = SUITE
    schema.pop("required", None)
    for model in (schema, *definitions.values()):
        for name, key_schema in model["properties"].items():
            key_schema.pop("title", None)
            if "$ref" in key_schema:  # a section that is left empty says nothing
                key_schema = model["properties"][name] = _or_null(key_schema)
            for one in (key_schema, *key_schema.get("anyOf", ())):
                if one.get("type") == "integer":  # 200_000 is text to editors that follow YAML 1.2
                    one.update(type=["integer", "string"], pattern="^[-+]?[0-9][0-9_]*$")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "An experiment of rrm-gym",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _chosen(slot: Slot, section: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a slot's section: that of one of its choices, or of a class of the user's own, or its name."""
    own = [{"$ref": _REF.format(model=definition(slot, choice))} for choice in slot.own]
    shared = str(section_of(section))
    brought = definitions[shared]
    brought["additionalProperties"] = True
    brought["required"] = [slot.key]
    brought["properties"][slot.key] = {**brought["properties"][slot.key], "not": {"enum": [*slot.own]}}
    others = [{"$ref": _REF.format(model=shared)}, {"type": "string"}, {"type": "null"}]
    return {"anyOf": [*own, *others], "description": section["description"]}


def _or_null(section: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a section that may be left empty."""
    about = {key: value for key, value in section.items() if key in ("description", "default")}
    return {"anyOf": [{key: value for key, value in section.items() if key not in about}, {"type": "null"}], **about}


def keys_of(model: str) -> dict[str, Any]:
    """The schemas of a model's keys, by their names.

    Args:
        model: its name; empty for the experiment.
    """
    schema = resolved()
    properties: dict[str, Any] = (schema["definitions"][model] if model else schema)["properties"]
    return properties


def section_of(about: Mapping[str, Any]) -> str | None:
    """The model of a key that is a section.

    Args:
        about: the schema of the key.
    """
    for each in (about, *about.get("anyOf", ())):
        if "$ref" in each:
            return str(each["$ref"]).rpartition("/")[2]
    return None

"""A configuration as a tree of plain mappings: read from YAML, a preset or Python, and merged.

What it means is in config.py, what may not be said in loading.py. Whatever cannot be read raises ``ConfigError``, one
line.
"""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from rrm.errors import ConfigError, nearest

Tree = dict[str, Any]
"""Nested plain mappings."""

WHOLE = ("evaluator",)
"""Keys whose mappings are one value, not a section: said anew, nothing is left of what was said before."""


class _Loader(yaml.SafeLoader):
    """YAML with the scalars that people expect: 1e-3 is a number, ``no`` is text, a key twice is an error.

    PyYAML follows YAML 1.1, where 1e-3 is text, ``no`` is false and 1:30 is ninety; these are the rules of YAML 1.2.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9][0-9_]*", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*\.?[0-9]*)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", list("-+.")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)
# PyYAML would read 010 as octal.
_Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value.replace("_", "")))


def parse(text: str, what: str) -> Any:
    """The value of a YAML document; ``what`` names it in errors."""
    try:
        return plain(yaml.load(text, _Loader))  # a SafeLoader: builds plain values only
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}" if mark and "\n" in text else ""
        raise ConfigError(f"{what}{where}: {line(error.problem or 'not YAML')}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a number too long, a mapping in itself
        raise ConfigError(f"{what}: {line(error)}") from None


def presets() -> list[str]:
    """The names of the configurations that come with the package."""
    names = (file.name for file in importlib.resources.files("rrm.configs").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def read(config: str | Path | Mapping[str, Any] | BaseModel) -> Tree:
    """The tree of a file, of a preset, of a mapping or of a configuration that has been loaded before."""
    if isinstance(config, BaseModel | Mapping):
        return dict(plain(config))
    if not isinstance(config, str | Path):
        raise ConfigError(f"config: {show(config)}: must be a YAML file, a preset or a mapping")
    path = Path(config)
    try:
        if path.is_file():
            text = path.read_text(encoding="utf-8")
        elif str(config) in presets():
            text = (importlib.resources.files("rrm.configs") / f"{config}.yaml").read_text(encoding="utf-8")
        else:
            what = "is a folder, not a file" if path.is_dir() else "no such file or preset"
            there = [*map(str, path.parent.glob("[!.]*.yaml")), *presets()]
            raise ConfigError(f"{line(config)}: {what}{nearest(str(config), there)}")
    except (OSError, ValueError) as error:  # no right to read it, a name no system allows, not UTF-8
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{line(config)}: cannot be read: {line(why)}") from None
    tree = parse(text, str(config))
    if not isinstance(tree, dict):
        raise ConfigError(f"{config}: must hold keys and values, such as 'env: …'; it holds {show(tree)}")
    tree.setdefault("experiment", path.stem)
    return tree


def plain(value: Any) -> Any:
    """A copy in plain mappings, so that nothing of the caller's changes; sections given as models become mappings."""
    if isinstance(value, BaseModel):  # not model_dump, which would take an evaluator that is a dataclass apart
        return {key: plain(each) for key, each in value}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return value


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tree:
    """``below`` with what ``above`` says instead, key by key in sections. Shares no mapping with either."""
    merged = {key: plain(value) for key, value in below.items()}
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, Mapping) and key not in WHOLE:
            merged[key] = merge(old, value)
        else:
            merged[key] = plain(value)
    return merged


def line(value: object) -> str:
    """Any text on one line."""
    return " ".join(str(value).split())


def show(value: Any) -> str:
    """A value as a person would have written it, on one line, not too long."""
    text = json.dumps(value) if value is None or isinstance(value, bool) else line(repr(value))
    return clip(text)


def clip(text: str) -> str:
    """A text that fits into a message."""
    return text if len(text) <= 80 else f"{text[:77]}..."

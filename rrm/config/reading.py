"""A configuration as a tree of plain mappings: read from YAML, a preset or Python, and merged.

Its meaning is in schema.py, its checks are in load.py. What cannot be read raises ``ConfigError``, one line.
"""

from __future__ import annotations

import importlib.resources
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from rrm.agents.files import read_bytes
from rrm.errors import ConfigError, nearest
from rrm.text import LONGEST_PATH, line, place, show

Tree = dict[str, Any]
"""Nested plain mappings."""

WHOLE = ("evaluator", "demonstrator", "first")
"""Keys whose mappings are one value, not a section: said anew, nothing is left of what was said before."""

FREE = ("env_settings", "evaluator")
"""Keys whose values are mappings with keys that the schema does not know, such as those of ``gymnasium.make``."""

LONGEST: Final = 100_000
"""Bytes of a configuration. One of a hundred conditions has a tenth of that."""

DEEPEST: Final = 32
"""Levels of a configuration: an evaluator of evaluators in a condition makes about ten."""

MOST: Final = 50_000
"""The most values of a configuration. Those behind YAML's aliases are counted each time."""


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


def _whole_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    """Digits as a number; PyYAML would read 010 as octal."""
    digits = node.value.replace("_", "")
    if len(digits) > 1000:  # Python itself refuses more than some thousand
        problem = f"a number of {len(digits):,} digits: must have at most 1,000"
        raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
    return int(digits)


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def parse(text: str, what: str) -> Any:
    """The value of a YAML document.

    Args:
        text: the document.
        what: what errors call it.

    Raises:
        ConfigError: it is not YAML, or too large.
    """
    if len(text) > LONGEST:
        raise ConfigError(f"{what}: is too long: must have at most {LONGEST:,} characters")
    loader = None
    try:
        loader = _Loader(text)  # a SafeLoader: builds plain values only
        node = loader.get_single_node()
        if node is None:
            return None
        _bounded(node, _nodes)
        return plain(loader.construct_document(node))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f", line {mark.line + 1}" if mark and "\n" in text else ""
        raise ConfigError(f"{what}{where}: {line(error.problem or 'not YAML')}") from None
    except RecursionError:
        raise ConfigError(f"{what}: is nested too deep: must have at most {DEEPEST} levels") from None
    except (yaml.YAMLError, ValueError) as error:  # a character that YAML does not allow, above all
        raise ConfigError(f"{what}: {line(error)}") from None
    except (LookupError, TypeError, AttributeError):  # of PyYAML, where a value is not what its tag says
        raise ConfigError(f"{what}: holds a tag (!!…) that does not fit its value") from None
    finally:
        if loader is not None:
            loader.dispose()


def _bounded(value: Any, inside: Callable[[Any], list[Any]]) -> None:
    """Raise ValueError where a value is deeper or larger than a configuration is; ``inside`` gives what it holds."""
    left, count = [(value, 1)], 0
    while left:
        each, depth = left.pop()
        held = inside(each)
        count += len(held)
        if count > MOST:
            raise ValueError(f"holds too much: must have at most {MOST:,} values, those of aliases counted each time")
        if held and depth >= DEEPEST:
            raise ValueError(f"is nested too deep: must have at most {DEEPEST} levels")
        left += [(one, depth + 1) for one in held]


def _nodes(node: yaml.Node) -> list[yaml.Node]:
    """The nodes within a YAML node."""
    if isinstance(node, yaml.MappingNode):
        return [each for pair in node.value for each in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _values(value: Any) -> list[Any]:
    """The values within a plain value."""
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    return list(value) if isinstance(value, list | tuple) else []


def presets() -> list[str]:
    """The names of the configurations that come with the package."""
    names = (file.name for file in importlib.resources.files("rrm.configs").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def read(config: str | Path | Mapping[str, Any] | BaseModel) -> Tree:
    """Read a configuration, unresolved.

    Args:
        config: a file, a preset, a mapping, or a configuration that was loaded before.

    Returns:
        The configuration as a tree of plain values.

    Raises:
        ConfigError: it cannot be read, or holds no keys and values.
    """
    if isinstance(config, BaseModel | Mapping):
        return dict(checked(config, "config"))
    if not isinstance(config, str | Path):
        raise ConfigError(f"config: {show(config)}: must be a YAML file, a preset or a mapping")
    path, name = Path(config), place(config)
    shipped = importlib.resources.files("rrm.configs")
    try:
        if path.exists():
            text = read_bytes(path, LONGEST).decode()
        elif str(config) in presets():
            text = (shipped / f"{config}.yaml").read_text(encoding="utf-8")
        else:
            candidates = [*map(str, path.parent.glob("[!.]*.yaml")), *presets()]
            raise ConfigError(f"{name}: no such file or preset{nearest(str(config), candidates)}")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: cannot be read: is not UTF-8 text, at byte {error.start}") from None
    except (OSError, ValueError) as error:  # no right to read it, a name no system allows, a device
        raise ConfigError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    tree = parse(text, name)
    if not isinstance(tree, dict):
        raise ConfigError(f"{name}: must hold keys and values, such as 'env: …'; it holds {show(tree)}")
    tree.setdefault("experiment", path.stem)
    if path.exists():
        _look_beside(path)
        return {key: _beside(value, path.parent) for key, value in tree.items()}
    return {key: _beside(value, Path(str(shipped)), first=True) for key, value in tree.items()}


def _look_beside(path: Path) -> None:
    """Let Python find modules beside a file, after all others."""
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)


def _beside(value: Any, folder: Path, first: bool = False) -> Any:
    """The same with the paths of files that lie beside the configuration: ``file.py:name``, and demonstrations.

    A file of that name where the process is comes before them, unless those beside the configuration come ``first``.
    """
    if isinstance(value, dict):
        return {key: _beside(each, folder, first) for key, each in value.items()}
    if isinstance(value, list):
        return [_beside(each, folder, first) for each in value]
    if not isinstance(value, str):
        return value
    file = value.rpartition(":")[0] or value
    if not file.endswith((".py", ".npz")) or len(file) > LONGEST_PATH or "\0" in file:
        return value
    beside = folder / file
    return f"{beside}{value[len(file) :]}" if beside.is_file() and (first or not Path(file).exists()) else value


def checked(value: Any, what: str) -> Any:
    """A copy as ``plain`` makes it, of what a caller gave from Python.

    Args:
        value: any.
        what: what errors call it.

    Raises:
        ConfigError: it is too large or too deep.
    """
    try:
        _bounded(value, _values)
    except ValueError as error:
        raise ConfigError(f"{what}: {error}") from None
    return plain(value)


def plain(value: Any) -> Any:
    """A copy in plain mappings, so that nothing of the caller's changes; sections given as models become mappings.

    Args:
        value: any.
    """
    if isinstance(value, BaseModel):  # not model_dump, which would take an evaluator that is a dataclass apart
        return {key: plain(each) for key, each in value}
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return value


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tree:
    """A configuration, overridden key by key in sections. It shares no mapping with either.

    Args:
        below: the lower configuration.
        above: the upper one.
    """
    merged = {key: plain(value) for key, value in below.items()}
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, Mapping) and key not in WHOLE:
            merged[key] = merge(old, value)
        else:
            merged[key] = plain(value)
    return merged

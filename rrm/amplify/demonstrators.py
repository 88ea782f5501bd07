"""The settings of demonstrators: somebody's skill, or the overseer's judgment. Imports no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from gymnasium import spaces
from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from rrm.agents.assistants import Policy, Script
from rrm.agents.files import read_bytes
from rrm.amplify.judgment import Asked, Judgment
from rrm.amplify.skill import Skill
from rrm.choices import user_errors_in_one_line
from rrm.config.values import Count, Large, Section
from rrm.envs.world import Array, World
from rrm.errors import ConfigError, nearest
from rrm.evaluators.identity import fingerprint
from rrm.evaluators.loading import locate
from rrm.feedback import demonstrations
from rrm.protocols import Demonstrator
from rrm.streams import Streams
from rrm.text import line, short

_KINDS = "must be judgment, {judgment: {…}} or {skill: …}"


class JudgmentSettings(Section):
    """Settings of a demonstration by judgment: try each action, look at its outcome, and show the best."""

    window: Large | None = 1
    """Steps from the action that is tried to the look, its own step the first; None: to the end of the episode."""

    goes_on: Literal["previous", "random"] = "previous"
    """Who takes the other steps: the agent of the generation before, or random play."""

    samples: Annotated[Count, Field(le=10_000)] = 1
    """How often each action is tried, each time with chance events of its own."""

    keep: bool = True
    """Whether the action of the generation before is kept where no other is better."""


class DemonstratorSettings(Section):
    """Who demonstrates: somebody's skill, or the evaluator's judgment."""

    key: ClassVar = "distill.demonstrator"
    """The key that says so, for messages."""

    skill: str | None = None
    """Who acts: a script, a saved agent, a function or a file."""

    judgment: JudgmentSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        """``judgment`` alone is judgment with its defaults."""
        if value == "judgment":
            return {"judgment": {}}
        if not isinstance(value, (Mapping, cls)):
            raise ValueError(_KINDS)
        return value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.skill is None) == (self.judgment is None):
            raise ValueError(_KINDS)
        return self

    @model_serializer(mode="wrap")
    def _stated(self, dumped: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The one that there is."""
        return {key: value for key, value in dumped(self).items() if value is not None}

    @property
    def file(self) -> str | None:
        """The file of demonstrations that takes the demonstrator's place: it cannot be asked about other states."""
        return self.skill if self.skill is not None and self.skill.endswith(".npz") else None

    def check(self, world: World, level: int) -> None:
        """Check that it can demonstrate in a world.

        Args:
            world: the world of a round of the level.
            level: of the round: 0 for the task, k for the k-th evaluation world.

        Raises:
            ConfigError: it cannot; one line.
        """
        if self.file is not None:
            demonstrations.read(self.file, world, f"{self.key}.skill")
        elif self.skill is not None:
            _actor(self.skill, world, level, self._about)
        elif not isinstance(world.action_space, spaces.Discrete):
            what = f"tries every action, and those of {world.name} are {world.action_space}, not Discrete"
            raise ConfigError(f"{self.key}: judgment: {what}: must be {{skill: …}}")

    def make(self, world: World, level: int, asked: Asked, streams: Streams, previous: Policy | None) -> Demonstrator:
        """The demonstrator.

        Args:
            world: the world in which it demonstrates.
            level: that of the round; in an assistant's world the script ``ideal`` stands for those of the task.
            asked: who is asked about the outcome of an action.
            streams: those of the questions.
            previous: A[n], the agent of the generation before; None: there is none, and A[0] acts at random.
        """
        if self.skill is not None:
            return Skill(_actor(self.skill, world, level, self._about), self._about)
        judgment = self.judgment
        assert judgment is not None
        goes_on = previous if judgment.goes_on == "previous" else None
        return Judgment(asked, streams, goes_on, judgment.window, judgment.samples, previous if judgment.keep else None)

    def identity(self, world: World, level: int) -> str | None:
        """A fingerprint of the code, weights or demonstrations behind the name ``skill``; None where it names none.

        Args:
            world: the world of a round of the level.
            level: of the round, as in ``check``.

        Raises:
            ConfigError: they cannot be read or loaded.
        """
        skill = self.skill
        if skill is None or _is_script(skill, world, level):
            return None
        if self.file is not None:
            return demonstrations.fingerprint(skill, f"{self.key}.skill")
        if skill.endswith(".json"):
            stem = skill.removesuffix(".json")
            try:
                files = (Path(f"{stem}.{end}") for end in ("json", "safetensors"))
                parts = [read_bytes(file, demonstrations.LARGEST) for file in files]
            except (OSError, ValueError) as error:
                reason = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)
                raise ConfigError(f"{self._about}: {line(reason).removeprefix(f'{skill}: ')}") from None
            return hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in parts)).hexdigest()[:12]
        return fingerprint(_function(skill, world, self._about), skill)

    @property
    def _about(self) -> str:
        """The skill, with its key, for messages."""
        return f"{self.key}.skill: {short(self.skill)}"


class FirstDemonstrator(DemonstratorSettings):
    """Who demonstrates to A[0]."""

    key: ClassVar = "distill.first"


def _is_script(skill: str, world: World, level: int) -> bool:
    """Whether ``skill`` names a script of the world; in an assistant's world, a script of the task."""
    return skill in world.scripts or (level > 0 and "ideal" in world.scripts and not {".", ":", "/"} & {*skill})


def _function(skill: str, world: World, about: str) -> Callable[[World], Any]:
    """The function of the user's own. Raises ConfigError, which begins with ``about``."""
    if ":" not in skill:
        hint = nearest(skill, world.scripts) if world.scripts else ""
        kinds = "a saved agent (.json), a function (module:name, path.py:name) or a file of demonstrations (.npz)"
        raise ConfigError(f"{about}: must be a script of {world.name}, {kinds}{hint}")
    located = locate(skill, about, world.scripts, "")
    if not callable(located):
        raise ConfigError(f"{about}: must be a function of a world that returns its actions")
    function: Callable[[World], Any] = located
    return function


def _actor(skill: str, world: World, level: int, about: str) -> Policy:
    """Who acts. Raises ConfigError, which begins with ``about``."""
    if _is_script(skill, world, level):
        return Script(skill if skill in world.scripts else "ideal")
    if skill.endswith(".json"):
        from rrm.agents.agent import Agent

        try:
            agent = Agent.load(skill.removesuffix(".json"))
        except (ValueError, OSError) as error:
            raise ConfigError(f"{about}: {line(error).removeprefix(f'{skill}: ')}") from None
        if (agent.layout, agent.policy.action_space) != (world.layout, world.action_space):
            raise ConfigError(f"{about}: was trained in another world than {world.name}")
        return agent
    function = _function(skill, world, about)

    def act(world: World) -> Array:
        with user_errors_in_one_line([about]):
            actions: Array = function(world)
        return actions

    return act

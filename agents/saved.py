"""The JSON file of a saved agent, checked field by field before it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from gymnasium import spaces
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rrm.agents.files import read_bytes
from rrm.agents.networks import Activation
from rrm.envs.world import Layout
from rrm.envs.wrapped.interface import Interface, digest

LARGEST = 2**20
"""The most bytes of the file."""

LARGEST_OBSERVATION = 2**24
"""The most numbers that an answerer observes: its policy holds the bounds of each."""

Width = Annotated[int, Field(ge=1, le=2**20)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Actions(_Strict):
    """A space of actions that is not discrete: one of its three kinds."""

    multi_discrete: Annotated[tuple[Width, ...], Field(max_length=2**10)] = ()
    multi_binary: Annotated[int, Field(ge=0, le=2**10)] = 0
    low: Annotated[tuple[float | None, ...], Field(max_length=2**10)] = ()
    """The lower bound of a box; null: without bound."""
    high: tuple[float | None, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Actions:
        if sum(map(bool, (self.multi_discrete, self.multi_binary, self.low))) != 1 or len(self.low) != len(self.high):
            raise ValueError("must be of one kind")
        return self


class Foreign(_Strict):
    """How the agent observed a foreign environment and acted in it: an ``Interface``, its spaces as a digest."""

    fingerprint: str
    """The fingerprint of the two spaces."""
    observation_space: str
    action_space: str
    length: Annotated[int, Field(ge=1, le=2**40)]
    mean: Annotated[tuple[float, ...], Field(max_length=2**14)]
    scale: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(max_length=2**14)]

    @classmethod
    def of(cls, interface: Interface) -> Foreign:
        """The saved form of an interface.

        Args:
            interface: as it was in training.
        """
        return cls(
            fingerprint=interface.digest,
            observation_space=clipped(interface.observation_space),
            action_space=clipped(interface.action_space),
            length=interface.length,
            mean=tuple(interface.mean.tolist()),
            scale=tuple(interface.scale.tolist()),
        )

    def interface(self, observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> Interface:
        """The interface to an environment of the same spaces.

        Args:
            observation_space: of the environment.
            action_space: of the environment.

        Raises:
            ValueError: they are others; one line.
        """
        if digest(observation_space, action_space) != self.fingerprint:
            raise ValueError(
                f"observes {clipped(observation_space)} and takes {clipped(action_space)}; must be"
                f" {self.observation_space} and {self.action_space}, as in training"
            )
        return Interface(observation_space, action_space, self.length, np.array(self.mean), np.array(self.scale))


class Transformer(_Strict):
    """The sizes of a network that answers questions about facts (``rrm.agents.answerer``)."""

    vocab: Annotated[int, Field(ge=2, le=2**16)]
    """How many tokens there are."""
    facts: tuple[Annotated[int, Field(ge=1, le=2**12)], Annotated[int, Field(ge=1, le=2**8)]]
    """How many facts, and the tokens of each."""
    question: Annotated[int, Field(ge=1, le=2**8)]
    """The tokens of a question."""
    answers: tuple[Annotated[int, Field(ge=0)], int]
    """The first token that is an answer, and the one after the last."""
    embedding: Annotated[int, Field(ge=1, le=2**10)]
    width: Annotated[int, Field(ge=1, le=2**12)]
    heads: Annotated[int, Field(ge=1, le=2**6)]
    fact_layers: Annotated[int, Field(ge=1, le=2**6)]
    question_layers: Annotated[int, Field(ge=1, le=2**6)]
    copies: bool
    """Whether an answer is chosen by its likeness to the embedded tokens, which makes it easy to copy one."""
    blind: bool = False
    """Whether the facts are hidden from it."""

    @model_validator(mode="after")
    def _fits(self) -> Transformer:
        if self.width % self.heads:
            raise ValueError(f"width: {self.width}: must be a multiple of heads, {self.heads}")
        if not self.answers[0] < self.answers[1] <= self.vocab:
            raise ValueError("answers: must be some of the tokens")
        if self.observed > LARGEST_OBSERVATION:
            tokens = f"an observation of {self.read} tokens out of {self.vocab} has {self.observed} numbers"
            raise ValueError(f"facts: {tokens}: must be at most {LARGEST_OBSERVATION}")
        return self

    @property
    def observed(self) -> int:
        """The numbers of an observation: facts, question and an answer that was given, one-hot."""
        return self.read * self.vocab + self.answers[1] - self.answers[0]

    @property
    def spaces(self) -> tuple[Layout, int, tuple[()]]:
        """What the file says beside it: of an observation, of the actions, and of hidden layers, which are none."""
        return Layout(self.observed), self.answers[1] - self.answers[0], ()

    @property
    def read(self) -> int:
        """The tokens of facts and question."""
        return self.facts[0] * self.facts[1] + self.question


def clipped(space: object) -> str:
    """A space as text of a bounded length.

    Args:
        space: any.
    """
    text = " ".join(str(space).split())
    return text if len(text) <= 200 else f"{text[:197]}..."


class About(_Strict):
    """All but the weights."""

    format: Literal[1]
    algorithm: Annotated[str, Field(min_length=1, max_length=1000)] | None
    """What trained the agent: a learner such as PPO, or a distiller; null if unknown."""
    env: str | None
    level: Annotated[int, Field(ge=0, le=2**10)]
    env_settings: dict[str, Any] = {}
    hidden: Annotated[tuple[Width, ...], Field(max_length=64)]
    activation: Activation = "relu"
    layout: Layout
    actions: Width | Actions
    foreign: Foreign | None = None
    """The interface of the environment, if the world was made of a foreign one."""
    transformer: Transformer | None = None
    """The sizes of the network, if the policy answers questions about facts."""

    @model_validator(mode="after")
    def _one_size(self) -> About:
        if self.foreign and not len(self.foreign.mean) == len(self.foreign.scale) == self.layout.size - 2:
            raise ValueError("foreign: must be of the size of its observations")
        if (sizes := self.transformer) and (self.layout, self.actions, self.hidden) != sizes.spaces:
            raise ValueError("transformer: must be of the size of its observations and actions")
        return self

    def check_tensors(self, shapes: Mapping[str, Sequence[int]]) -> None:
        """Check that tensors are those of the networks, before memory is taken for them. Policy and critic each have
        the hidden layers, on the features of ``policy_settings``.

        Args:
            shapes: of the tensors, by name.

        Raises:
            ValueError: they are not.
        """
        planes = self.layout.planes or ()
        if self.layout.scalars < 0 or min(planes, default=1) < 1 or self.layout.size < 1:
            raise ValueError(f"there is no observation of the layout {self.layout}")
        seen = self.layout.size + (10 * planes[0] if planes and self.layout.centred else 0)
        widths = [seen, *self.hidden]
        expected = {
            f"mlp_extractor.{net}.{2 * i}.weight": [after, before]
            for net in ("policy_net", "value_net")
            for i, (before, after) in enumerate(pairwise(widths))
        }
        expected |= {"action_net.weight": [self._outputs(), widths[-1]], "value_net.weight": [1, widths[-1]]}
        if any(list(shapes.get(name, ())) != shape for name, shape in expected.items()):
            raise ValueError("its tensors are not those that its JSON file tells of")

    def _outputs(self) -> int:
        """How many numbers the policy gives for an action."""
        actions = self.actions
        if isinstance(actions, int):
            return actions
        return sum(actions.multi_discrete) or actions.multi_binary or len(actions.low)


def read_about(path: Path) -> About:
    """The content of the JSON file of an agent.

    Args:
        path: of the file.

    Raises:
        ValueError: it is none; one line names the file and the field.
    """
    try:
        return About.model_validate_json(read_bytes(path, LARGEST))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"{path}: {where}{': ' * bool(where)}{first['msg'].removeprefix('Value error, ')}") from None
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def about_actions(space: spaces.Space[Any]) -> Any:
    """A space of actions as JSON: its size if it is discrete.

    Args:
        space: the space.
    """
    if isinstance(space, spaces.Discrete):
        return int(space.n)
    if isinstance(space, spaces.MultiDiscrete):
        return {"multi_discrete": space.nvec.tolist()}
    if isinstance(space, spaces.MultiBinary):
        return {"multi_binary": int(np.prod(space.shape))}
    assert isinstance(space, spaces.Box)
    low, high = ([float(x) if np.isfinite(x) else None for x in bound] for bound in (space.low, space.high))
    return {"low": low, "high": high}  # null: without bound


def actions_of(about: About) -> spaces.Space[Any]:
    """The space that ``about_actions`` described.

    Args:
        about: the JSON file of an agent.
    """
    actions = about.actions
    if isinstance(actions, int):
        return spaces.Discrete(actions)
    if actions.multi_discrete:
        return spaces.MultiDiscrete(np.array(actions.multi_discrete))
    if actions.multi_binary:
        return spaces.MultiBinary(actions.multi_binary)
    low = np.array([-np.inf if x is None else x for x in actions.low], np.float32)
    high = np.array([np.inf if x is None else x for x in actions.high], np.float32)
    return spaces.Box(low, high, dtype=np.float32)

"""The choices for the slots of the loop: this package's by name, those of users by where they are, and by their code.

A choice is a class. One of a user's own is named by an entry point, by ``package.module:Class`` or by
``path/to/file.py:Class``, as evaluators are. It may declare its settings by a pydantic model, ``Settings``: their
defaults, ranges and cross-checks are then those of the configuration. What identifies it, and those of its settings
that are not at their defaults, are part of the names of its rounds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from rrm.envs.user_errors import failure, is_raised_by_user, place_of
from rrm.envs.wrapped.environment import BrokenEnvironmentError
from rrm.errors import ConfigError, RRMError, nearest
from rrm.evaluators.identity import fingerprint
from rrm.evaluators.loading import locate
from rrm.text import line, short, show


@dataclass(frozen=True)
class Slot:
    """One slot of the loop.

    Args:
        section: of the configuration.
        key: the key of that section which names the choice.
        own: this package's choices, each with where its class is; it is imported when it is used, for torch's sake.
        group: of the entry points through which packages bring others.
        methods: what a choice has to have.
        shared: the keys of the section that mean the same for every choice; the others are those of ``own``.
    """

    section: str
    key: str
    own: Mapping[str, str]
    group: str
    methods: Collection[str]
    shared: Collection[str] = ()

    @property
    def name(self) -> str:
        """The key that names the choice, with its section."""
        return f"{self.section}.{self.key}"

    @property
    def default(self) -> str:
        """The choice where none is named."""
        return next(iter(self.own))

    def is_own(self, spec: str) -> bool:
        """Whether ``spec`` names one of this package's choices."""
        return spec in self.own

    def find(self, spec: str) -> type[Any]:
        """The class that ``spec`` names. Raises ConfigError: there is none, or it has not what a choice has to have."""
        if spec in self.own:
            module, _, name = self.own[spec].partition(":")
            found: Any = getattr(import_module(module), name)
        else:
            found = locate(spec, f"{self.name}: {short(spec)}", self.own, self.group)
        missing = [each for each in self.methods if not callable(getattr(found, each, None))]
        if not isinstance(found, type) or missing:
            methods = ", ".join(self.methods)
            raise ConfigError(f"{self.name}: {short(spec)}: must be a class with the methods {methods}")
        return found

    def asks(self, spec: str) -> bool:
        """Whether a user's distiller asks for labels."""
        return not self.is_own(spec) and bool({"scores", "comparisons"} & set(self.find(spec).needs))

    def settings(self, spec: str, given: Mapping[str, Any]) -> BaseModel | None:
        """The settings of a user's choice; None where it declares none. Raises ConfigError, which names the key."""
        model = getattr(self.find(spec), "Settings", None)
        known = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        for key in given:
            if key not in known:
                raise ConfigError(f"{self.section}.{key}: {short(spec)} has no such setting{nearest(str(key), known)}")
        if not known:
            return None
        assert isinstance(model, type) and issubclass(model, BaseModel)
        try:
            return model.model_validate(dict(given))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join([self.section, *map(str, first["loc"])])
            raise ConfigError(f"{where}: {show(first['input'])}: {line(first['msg'])}") from None

    def keywords(self, spec: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The keyword that a choice is made with beside those of its slot: ``settings``, if it declares any."""
        settings = None if self.is_own(spec) else self.settings(spec, given)
        return {} if settings is None else {"settings": settings}

    def content(self, spec: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a user's choice adds to the name of a round: its identity, and the settings that are not defaults; these
        are a part of its code."""
        settings = self.settings(spec, given)
        changed = settings.model_dump(mode="json", exclude_defaults=True) if settings else {}
        return {self.key: f"{spec} {fingerprint(self.find(spec), spec)}", "settings": changed}


AMPLIFY: Final = Slot(
    "amplify",
    "method",
    {"assistance": "rrm.amplify.overseer:Overseer"},
    "rrm.amplifiers",
    ("judge", "judge_pairs", "state_dict", "load_state_dict"),
    ("assistants", "depth", "start_states"),
)
DISTILL: Final = Slot(
    "distill",
    "method",
    {"reward_modeling": "rrm.distill.reward_modeling:RewardModeling"},
    "rrm.distillers",
    ("rollout", "agent", "artefacts", "summary", "state", "load_state"),
)
LEARNER: Final = Slot(
    "learner",
    "algorithm",
    {"ppo": "rrm.agents.learners.ppo:PPOLearner"},
    "rrm.learners",
    ("learn_rollout", "agent", "state", "load_state"),
    ("num_envs", "n_steps", "learning_rate"),
)
SLOTS: Final = {slot.section: slot for slot in (AMPLIFY, DISTILL, LEARNER)}


@contextmanager
def one_line(own: Sequence[str]) -> Iterator[None]:
    """Say in one line what goes wrong in the block, where choices of the user's own are at work in it.

    Args:
        own: these choices, each with the key that names it; without any, everything is raised as it is.

    Raises:
        RRMError: their code raised, or did not do what a choice has to do.
    """
    try:
        yield
    except (RRMError, BrokenEnvironmentError):  # these say it already
        raise
    except BaseException as error:
        if not own or not is_raised_by_user(error):
            raise
        if isinstance(error, OSError) and place_of(error) is None:  # a full disk
            raise
        raise RRMError(f"{' and '.join(own)}: fails: {failure(error)}; what is done is kept") from error

"""The choices for the slots of the loop: this package's by name, those of users by the place of their code.

A choice is a class with its settings. A choice of this package is a file or folder of its own and a line here, which
names the model of its section in the configuration (``rrm.config.slots``). A choice of a user's own is named like an
evaluator: by an entry point, ``package.module:Class`` or ``path/to/file.py:Class``. It may declare its settings by a
pydantic model, ``Settings``, whose defaults, ranges and cross-checks then hold for the configuration.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import InitErrorDetails, ValidationError

from rrm.envs.user_errors import failure, is_raised_by_user, place_of
from rrm.envs.wrapped.environment import BrokenEnvironmentError
from rrm.errors import ConfigError, RRMError, nearest
from rrm.evaluators.loading import locate
from rrm.text import short


def imported(where: str) -> type[Any]:
    """The class that ``module:name`` names.

    Args:
        where: the name.
    """
    module, _, name = where.partition(":")
    imported_class: type[Any] = getattr(import_module(module), name)
    return imported_class


@dataclass(frozen=True)
class Slot:
    """One slot of the loop.

    Args:
        section: of the configuration.
        key: the key of that section which names the choice.
        own: this package's choices, each with where the model of its section is: this imports no torch.
        brought: where the model of the section is for a choice of a user's own.
        group: of the entry points through which packages bring others.
        methods: what a choice has to have.
        shared: the keys of the section that mean the same for every choice.
    """

    section: str
    key: str
    own: Mapping[str, str]
    brought: str
    group: str
    methods: Collection[str]
    shared: Collection[str] = ()

    @property
    def name(self) -> str:
        """The key that names the choice, with its section."""
        return f"{self.section}.{self.key}"

    @property
    def default(self) -> str:
        """The choice if the configuration names none."""
        return next(iter(self.own))

    def is_own(self, spec: str) -> bool:
        """Whether a name is that of one of this package's choices.

        Args:
            spec: the name.
        """
        return spec in self.own

    def find(self, spec: str) -> type[Any]:
        """The class of the user's own that a name stands for.

        Args:
            spec: ``module:Class``, ``path.py:Class`` or an entry point.

        Raises:
            ConfigError: there is none, or it has not what a choice has to have.
        """
        chosen_class = locate(spec, f"{self.name}: {short(spec)}", self.own, self.group)
        missing = [each for each in self.methods if not callable(getattr(chosen_class, each, None))]
        if not isinstance(chosen_class, type) or missing:
            methods = ", ".join(self.methods)
            raise ConfigError(f"{self.name}: {short(spec)}: must be a class with the methods {methods}")
        return chosen_class

    def model(self, spec: str) -> type[BaseModel]:
        """The model of the section.

        Args:
            spec: the choice that is made in it.
        """
        return imported(self.own.get(spec, self.brought))

    def declared(self, spec: str) -> type[BaseModel] | None:
        """The model of the settings that a class of the user's own declares, or None.

        Args:
            spec: the name of the class.

        Raises:
            ConfigError: its ``Settings`` is no pydantic model.
        """
        model = getattr(self.find(spec), "Settings", None)
        if model is not None and not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise ConfigError(f"{self.name}: {short(spec)}: Settings must be a subclass of pydantic.BaseModel")
        return model

    def keys(self, spec: str) -> list[str]:
        """The keys of the section.

        Args:
            spec: the choice that is made in it.

        Raises:
            ConfigError: there is no such choice.
        """
        declared = None if self.is_own(spec) else self.declared(spec)
        return list(dict.fromkeys([*self.model(spec).model_fields, *(declared.model_fields if declared else ())]))

    def read(self, settings: Mapping[str, Any]) -> Any:
        """Validate a section of the configuration by the model of its choice.

        Args:
            settings: of the section, its choice among them.

        Returns:
            The section's settings, an instance of the choice's model.

        Raises:
            ConfigError: there is no such choice.
            ValidationError: a key is unknown, or its value is wrong.
        """
        spec = settings.get(self.key, self.default)
        if isinstance(spec, str) and not self.is_own(spec):
            self._check_brought(spec, settings)
        return self.model(spec if isinstance(spec, str) else self.default).model_validate(dict(settings))

    def _check_brought(self, spec: str, section: Mapping[str, Any]) -> None:
        """Check the settings of a class of the user's own by the model that it declares."""
        fields, declared = self.model(spec).model_fields, self.declared(spec)
        known = declared.model_fields if declared else {}
        if twice := fields.keys() & known.keys():
            raise ConfigError(f"{self.name}: {short(spec)}: Settings.{min(twice)}: is a key of every choice already")
        settings = {key: value for key, value in section.items() if key not in fields}
        for key, value in settings.items():
            if key not in known:
                unknown = InitErrorDetails(type="extra_forbidden", loc=(str(key),), input=value)
                raise ValidationError.from_exception_data(self.section, [unknown])
        if declared:
            declared.model_validate(settings)

    def unknown(self, spec: str, path: Sequence[str]) -> str:
        """The message about a key that the section does not have.

        Args:
            spec: the choice that is made in it.
            path: of the key, within the section.
        """
        *above, key = path
        if above:
            known = _keys_within(self.model(spec), above)
            return f"no such key{nearest(key, known) if known else ''}"
        others = [each for each in self.own if each != spec and key in self.model(each).model_fields]
        if others:
            return f"no such key where {self.name} is {short(spec)}; it is a key of {' and '.join(others)}"
        return f"no such key where {self.name} is {short(spec)}{nearest(key, self.keys(spec))}"


def _keys_within(model: type[BaseModel], path: Sequence[str]) -> Collection[str]:
    """The keys of the section to which ``path`` leads from ``model``; none where that is no section of this package."""
    for name in path:
        kind = model.model_fields[name].annotation if name in model.model_fields else None
        kinds = [each for each in (kind, *get_args(kind)) if isinstance(each, type) and issubclass(each, BaseModel)]
        if not kinds:
            return ()
        model = kinds[0]
    return model.model_fields


AMPLIFY: Final = Slot(
    "amplify",
    "method",
    {
        "assistance": "rrm.amplify.settings:AssistanceSettings",
        "decomposition": "rrm.amplify.settings:DecompositionSettings",
    },
    "rrm.config.slots:BroughtAmplifier",
    "rrm.amplifiers",
    ("judge", "judge_pairs", "state_dict", "load_state_dict"),
    ("assistants", "depth", "start_states"),
)
DISTILL: Final = Slot(
    "distill",
    "method",
    {
        "reward_modeling": "rrm.distill.reward_modeling.settings:RewardModelingSettings",
        "clone": "rrm.distill.imitation.settings:CloneSettings",
        "dagger": "rrm.distill.imitation.settings:DAggerSettings",
        "gail": "rrm.distill.adversarial.settings:GAILSettings",
        "airl": "rrm.distill.adversarial.settings:AIRLSettings",
        "irl": "rrm.distill.inverse.settings:IRLSettings",
        "expert_iteration": "rrm.distill.expert_iteration.settings:ExpertIterationSettings",
        "answers": "rrm.distill.answers.settings:AnswersSettings",
    },
    "rrm.config.slots:BroughtDistiller",
    "rrm.distillers",
    ("rollout", "agent", "artefacts", "summary", "state", "load_state"),
)
LEARNER: Final = Slot(
    "learner",
    "algorithm",
    {"ppo": "rrm.learners.ppo:PPOSettings"},
    "rrm.config.slots:BroughtLearner",
    "rrm.learners",
    ("learn_rollout", "agent", "state", "load_state"),
    ("num_envs", "n_steps", "learning_rate"),
)
SLOTS: Final = {slot.section: slot for slot in (AMPLIFY, DISTILL, LEARNER)}


@contextmanager
def user_errors_in_one_line(named: Sequence[str]) -> Iterator[None]:
    """Report an error of the user's own code within the block in one line.

    Args:
        named: the user's own choices that run in the block, each with the key that names it. Without any, errors are
            raised as they are.

    Raises:
        RRMError: their code raised, or did not do what a choice has to do.
    """
    try:
        yield
    except (RRMError, BrokenEnvironmentError):  # these say it already
        raise
    except BaseException as error:
        if not named or not is_raised_by_user(error):
            raise
        if isinstance(error, OSError) and place_of(error) is None:  # a full disk
            raise
        raise RRMError(f"{' and '.join(named)}: fails: {failure(error)}; what is done is kept") from error

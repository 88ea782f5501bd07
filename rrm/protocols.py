"""The slots of the loop, as protocols: the methods that a class for each slot must have. It needs no base class.

    overseer = amplify(evaluator, assistants)    # Evaluator -> Overseer
    agent    = distill(overseer, round)          # a Distiller, which may use a RewardFunction and a Learner

A class that is derived from ``Distiller`` inherits its defaults.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np

    from rrm.agents.agent import Agent
    from rrm.agents.state import State, Tensors
    from rrm.envs.questions import Questions
    from rrm.envs.world import Array, Bools, Floats, World
    from rrm.envs.world import State as WorldState
    from rrm.feedback.clips import Clip, Pair
    from rrm.feedback.judgment import Judgment
    from rrm.feedback.transcripts import Reply, Transcript

Row = dict[str, float | None]
"""The figures of one rollout, by ``COLUMNS``."""

METRICS = {
    "env_steps": "steps that the round has taken in its world so far",
    "labels": "answers that the round has asked for so far",
    "predicted": "mean of the reward model's predictions for the rollout's finished episodes, in the evaluator's units",
    "utility": "mean true utility of the rollout's finished episodes",
    "evaluator_score": "mean score of the evaluator, with its help, for the rollout's finished episodes",
    "hack_rate": "share of the rollout's finished episodes that end in a hack",
    "held_out_error": "root mean square error of the reward model on the rollout's new labels, before it is fitted to"
    " them, in standard deviations of the labels",
    "rater_disagreement": "how far the raters of a committee disagree about the rollout's new labels",
}
"""The columns of ``metrics.csv``, one row per rollout, and their meanings. A column that a distiller leaves out is
empty."""

COLUMNS = tuple(METRICS)
"""The names of ``METRICS``, in the order of the file."""

Answers = Literal["scores", "comparisons", "actions", "transcripts"]
"""The kinds of answers that an overseer can be asked for."""


class Evaluator(Protocol):
    """Judges clips. ``rrm.Evaluator`` is a base class with defaults; a plain function of a clip will do as well."""

    def score(self, clips: Sequence[Clip]) -> Any:
        """Score clips by how much has been accomplished at the end of each; higher is better.

        Args:
            clips: m of them.

        Returns:
            (m,) scores.
        """
        ...


class Overseer(Protocol):
    """An evaluator with help, as a way to amplify makes it: it judges, and says what each judgment cost."""

    free: bool
    """Whether its answers cost nothing: then it is also asked for learning curves and about the final policy."""

    scores: bool
    """Whether it can be asked for scores, and not for comparisons only."""

    raters: int
    """How many evaluators answer each question together, as a committee does; 1 where one answers alone."""

    @property
    def name(self) -> str:
        """Its name in messages and label stores."""
        ...

    def score(self, clips: Sequence[Clip]) -> Floats:
        """Score clips without making labels: a stateful evaluator forgets that it was asked.

        Args:
            clips: m of them.

        Returns:
            (m,) scores.
        """
        ...

    def judge(self, clips: Sequence[Clip]) -> Iterator[Judgment]:
        """Judge clips, one by one.

        Args:
            clips: m of them.

        Returns:
            An iterator over m judgments, in any order.
        """
        ...

    def judge_pairs(self, pairs: Sequence[Pair]) -> Iterator[Judgment]:
        """Judge pairs, one by one: the preferences for their first clips.

        Args:
            pairs: m of them.

        Returns:
            An iterator over m judgments, in any order.
        """
        ...

    def state_dict(self) -> dict[str, Any]:
        """Its state as JSON values, for continuing later; empty if its answers do not depend on earlier ones."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Args:
            state: what ``state_dict`` returned.
        """
        ...


@runtime_checkable
class Decomposer(Protocol):
    """An overseer that answers questions by asking sub-questions."""

    @property
    def name(self) -> str:
        """What messages and label stores call it."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """As that of every overseer."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """As that of every overseer."""
        ...

    def consult(self, world: Questions, questions: Array, reply: Reply) -> list[Transcript]:
        """How it answers m questions.

        m is 1, and each transcript is kept before the next question is put, unless an attribute ``batched`` is true.

        Args:
            world: m copies, each with the facts that a question is about.
            questions: their tokens, (m, length).
            reply: who answers its sub-questions, where they cannot be looked up.

        Returns:
            m transcripts.
        """
        ...


class Choice(NamedTuple):
    """The actions that a demonstrator would take in m states, and the cost of finding out.

    The cost of each look, of the evaluator and the assistants, is stored with its answer.
    """

    good: Array
    """Weights (m, a) of the discrete actions that are demonstrated, those of a state adding up to 1; of other spaces
    the actions themselves, (m, …)."""

    looks: int
    """How many questions the evaluator was asked."""

    env_steps: int
    """How many steps were taken to try actions."""


class Demonstrator(Protocol):
    """Shows by example what to do, by the overseer's judgment or by somebody's skill."""

    def choose(self, world: World, states: WorldState, rngs: Sequence[np.random.Generator]) -> Choice:
        """The demonstrated actions in saved states.

        Args:
            world: the world that the states are of; it is not changed.
            states: m of them, as ``World.save`` gives them.
            rngs: a generator for each.
        """
        ...


@runtime_checkable
class Stateful(Protocol):
    """An object whose state can be saved in a checkpoint and restored, so that training continues bit for bit."""

    def state(self) -> State:
        """All that what comes next depends on: tensors by name, and values that JSON can hold.

        The global generators of Python, NumPy and torch are no part of it: the runner saves them.
        """
        ...

    def load_state(self, tensors: Tensors, values: Mapping[str, Any]) -> None:
        """Put back a state, in an object that was made with the same arguments.

        Args:
            tensors: the tensors that ``state`` returned.
            values: the values that it returned.
        """
        ...


class RewardFunction(Protocol):
    """The reward of steps, a function of (s, a, s', done)."""

    def __call__(
        self, observations: Array, actions: Array, next_observations: Array, done: Bools, terminated: Bools
    ) -> Floats:
        """The rewards (n,) of n steps.

        Args:
            observations: those before the steps, (n, …).
            actions: the actions taken, (n, …).
            next_observations: those after the steps, (n, …); of a step that ends an episode, the episode's last.
            done: whether the episode ended with the step, (n,).
            terminated: whether it ended by itself, and was not cut short by a time limit, (n,).
        """
        ...


class Learner(Stateful, Protocol):
    """A reinforcement learner on a Stable-Baselines3 ``VecEnv``, one rollout at a time."""

    def learn_rollout(self, pace: float = 1.0) -> None:
        """Take ``n_steps`` steps in each copy and learn from them.

        Args:
            pace: a factor of the learning rate, from 1 at the start of the training, as its schedule says.
        """
        ...

    def agent(self) -> Agent:
        """A copy of the policy as it is now."""
        ...


class Distiller(Stateful, Protocol):
    """Makes an agent of an overseer's judgment or example. It is made with a ``rrm.distill.base.Context``.

    The runner calls ``rollout`` for 0, 1, …, ``rollouts`` - 1, and saves ``state`` after each.
    """

    needs: Collection[Answers] = ()
    """The kinds of answers that it asks for. If it names scores and comparisons, the configuration chooses one of
    them."""

    rollouts: int
    """How many rollouts there are in its budget."""

    def rollout(self, number: int) -> Row:
        """Do one part of the work, after which there is a checkpoint.

        Args:
            number: 0, 1, …, ``rollouts`` - 1.

        Returns:
            Figures by the names of ``COLUMNS``; ``env_steps`` must be among them.
        """
        ...

    def agent(self) -> Agent:
        """The agent, after the last rollout."""
        ...

    def artefacts(self, folder: Path) -> Collection[Path]:
        """Write files beside the agent, such as a reward model.

        Args:
            folder: where to write.

        Returns:
            The files.
        """
        return ()

    def summary(self) -> Row:
        """Figures of the whole round, for its result."""
        return {}

"""The runner: runs the rollouts of a distiller, saves it after each, and reports its results and costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rrm.agents.agent import Agent
from rrm.agents.state import generators, load_generators, seed_process
from rrm.agents.vec_env import Start
from rrm.choices import DISTILL
from rrm.envs.user_errors import place_of
from rrm.envs.wrapped.environment import BrokenEnvironmentError
from rrm.errors import DamagedFileError, RRMError, nearest
from rrm.feedback.labeller import Labeller
from rrm.feedback.tables import STORE
from rrm.protocols import COLUMNS, Distiller, Overseer, Row
from rrm.storage import rundir
from rrm.storage.checkpoint import Checkpoint, joined, part
from rrm.streams import Purpose
from rrm.text import line, short

if TYPE_CHECKING:
    from rrm.rounds.plan import Plan


@dataclass(frozen=True)
class Context:
    """What a distiller is made with."""

    plan: Plan
    """The round: its world, its schedule, its settings, its random streams."""

    labels: Labeller
    """Puts questions to the round's overseer, and keeps the answers."""

    start: Start
    """Puts copies of the round's world at the start of an episode."""

    previous: Agent | None = None
    """The agent of the generation before; None: there is none."""

    @property
    def settings(self) -> Any:
        """The settings of the distiller. For a class of the user's own, an instance of its ``Settings``, or None if it
        has none."""
        return self.plan.condition.distill.settings

    @property
    def overseer(self) -> Overseer:
        """Who judges. A question asked here, and not through ``labels``, is no label, and its answer is not stored."""
        return self.labels.overseer


@dataclass(frozen=True)
class Outcome:
    """The result of a round."""

    agent: Agent
    distiller: Distiller
    rows: list[Row]
    labels: Labeller
    """All labels, closed: it is opened by who asks it something, to be closed again."""

    seconds: float


class Runner:
    """One round while it runs. It goes on from the newest checkpoint in ``folder``, bit for bit.

    Args:
        make: makes the distiller.
        overseer: who judges in the round.
        plan: the round.
        start: where its episodes start.
        folder: the round's, for its labels and checkpoints.
        on_rollout: called with the figures of each rollout, once it is saved.
        previous: the agent of the generation before, if there is one.
    """

    def __init__(
        self,
        make: Callable[[Context], Distiller],
        overseer: Overseer,
        plan: Plan,
        start: Start,
        folder: Path,
        on_rollout: Callable[[Row], None],
        previous: Agent | None = None,
    ) -> None:
        self.checkpoint = Checkpoint(folder)
        self.labels = Labeller(overseer, folder / STORE, self.checkpoint.advice)
        self.rows: list[Row] = []
        self.seconds = 0.0
        self._on_rollout = on_rollout
        self._method = plan.condition.distill.method
        seed_process(plan.streams.seed(Purpose.LEARNER))
        self.distiller = make(Context(plan, self.labels, start, previous))

    def run(self) -> Outcome:
        """Run what is left of the rollouts."""
        with closing(self.labels):  # it opens again where it is needed
            begun = time.perf_counter()
            self._resume()
            before = self.seconds
            for number in range(len(self.rows), self.distiller.rollouts):
                figures = self._known(self.distiller.rollout(number))
                self.rows.append({**dict.fromkeys(COLUMNS), "labels": self.labels.count, **figures})
                self.seconds = before + time.perf_counter() - begun
                self._save()
                self._on_rollout(self.rows[-1])
            return Outcome(self.distiller.agent(), self.distiller, self.rows, self.labels, self.seconds)

    def _known(self, figures: Row) -> Row:
        """The figures of a rollout. Raises RRMError if one of them is no column of metrics.csv (``COLUMNS``)."""
        for name in figures:
            if name not in COLUMNS:
                what = f"{DISTILL.name}: {short(self._method)}: rollout returned {short(name)}"
                raise RRMError(f"{what}, which is no column of metrics.csv{nearest(str(name), COLUMNS)}")
        return figures

    def _save(self) -> None:
        tensors, values = joined({"distiller": self.distiller.state(), "generators": generators()})
        values |= {"labels": self.labels.state(), "rows": self.rows, "seconds": self.seconds}
        self.checkpoint.save(len(self.rows), tensors, values)

    def _resume(self) -> None:
        """Go on from the newest checkpoint, if there is one."""
        saved = self.checkpoint.load()
        if saved is None:
            return
        _, tensors, values = saved
        with rundir.advice(self.checkpoint.advice), self._of_this_round():
            labels, rows, seconds = values["labels"], values["rows"], float(values["seconds"])
        self.labels.load_state(labels)
        with rundir.advice(self.checkpoint.advice), self._of_this_round():
            self.distiller.load_state(*part("distiller", tensors, values))
            load_generators(*part("generators", tensors, values))
            self.rows, self.seconds = rows, seconds

    @contextmanager
    def _of_this_round(self) -> Iterator[None]:
        """Within the block, an error in the content of a checkpoint is raised with the name of its file."""
        try:
            yield
        except BrokenEnvironmentError:  # the user's own code, while states were replayed
            raise
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            if place_of(error):  # the user's own code, a load_state say: the file is what was written there
                raise
            what = f"is none of this round ({type(error).__name__}: {line(error)})"
            raise DamagedFileError(f"{self.checkpoint.path}: {what}") from None

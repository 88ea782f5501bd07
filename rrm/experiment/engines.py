"""Engines that run the rounds of an experiment: in this process, or in several on this machine (on a cluster:
``ray_engine``)."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from joblib.externals.loky import get_reusable_executor  # type: ignore[import-untyped]

from rrm.envs.user_errors import failure, is_raised_by_user, their_files
from rrm.envs.wrapped import probe
from rrm.envs.wrapped.environment import BrokenEnvironmentError
from rrm.envs.wrapped.making import UnfitError, name_of
from rrm.errors import RRMError
from rrm.experiment.graph import RoundGraph
from rrm.experiment.progress import POLL, Progress
from rrm.protocols import Row
from rrm.rounds.plan import Plan

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Environment variables that say how many threads a process computes with; one, unless the user says otherwise."""


@dataclass(frozen=True)
class Outcome:
    """How a round has ended: with its result, or with an error."""

    name: str
    result: dict[str, Any] | None = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Shared:
    """Data of the process that reads the configuration, for the processes that train."""

    paths: tuple[str, ...]
    """The folders where Python looks for modules; the folder of the configuration is one of them."""

    environments: tuple[probe.Entry, ...]
    """The results of the start-up checks, so that they run only once."""

    def take_over(self) -> None:
        """Make it this process's."""
        sys.path += [each for each in self.paths if each not in sys.path]
        probe.remember(self.environments)


class Engine(AbstractContextManager["Engine"], Protocol):
    """Runs rounds. When its context is left, rounds that still run are stopped."""

    def has_room(self) -> bool:
        """Whether another round can be started now."""
        ...

    def start(self, plan: Plan) -> None:
        """Start a round after the rounds below it. If it is finished already, verify its result.

        Args:
            plan: of the round.
        """
        ...

    def wait(self) -> list[Outcome]:
        """Wait for a moment, or until a round ends; return those that have ended."""
        ...


def run_rounds(
    graph: RoundGraph,
    engine: Engine,
    folder: Path,
    progress: Progress,
    on_done: Callable[[str, Mapping[str, dict[str, Any]]], None],
) -> dict[str, dict[str, Any]]:
    """Run all rounds, each as soon as those below it are finished and the engine has room.

    The first error ends the run: running rounds are stopped. The next call continues them from their newest checkpoint.

    Args:
        graph: the rounds.
        engine: runs them.
        folder: that of the rounds.
        progress: gets the progress of the rounds.
        on_done: called with the name of each round that is done, and with all results so far.

    Returns:
        The result of each round, by its name.
    """
    results: dict[str, dict[str, Any]] = {}
    failed: str | None = None
    try:
        with engine:
            while len(results) < len(graph.rounds):
                while engine.has_room() and (plan := graph.next()):
                    before = os.path.lexists(folder / plan.name / "result.json")
                    progress.update(plan.name, world=plan.world(1).name, before=before)
                    engine.start(plan)
                for outcome in engine.wait():
                    if outcome.error is not None:
                        failed = outcome.name if isinstance(outcome.error, Exception) else None
                        raise outcome.error
                    assert outcome.result is not None
                    results[outcome.name] = outcome.result
                    progress.done(outcome.name, outcome.result)
                    graph.done(outcome.name)
                    on_done(outcome.name, results)
    except BaseException:
        progress.stop(failed)
        raise
    return results


def train(
    plan: Plan, folder: Path, on_rollout: Callable[[Row | None], None], on_wait: Callable[[], None]
) -> dict[str, Any]:
    """Run a round in this process.

    Args:
        plan: of the round.
        folder: in which rounds have their folders.
        on_rollout: called with the row of ``metrics.csv`` after each rollout, with None at the start.
        on_wait: called if another process holds the round's folder.

    Returns:
        The round's result.

    Raises:
        RRMError: the user's environment failed.
    """
    from rrm.evaluators.isolation import isolated
    from rrm.iterate import run_round  # torch: only where a round is run

    try:
        with isolated(0):  # this may be the caller's process; each round seeds its own generators
            return run_round(plan, folder, lambda _, row: on_rollout(row), on_wait)
    except BrokenEnvironmentError as error:  # the user's own code
        raise RRMError(str(error)) from error
    except UnfitError as error:  # its file has been edited, or is gone
        raise RRMError(f"env: {name_of(plan.condition.env)!r} {error}") from error
    except BaseException as error:
        if isinstance(error, RRMError) or not is_raised_by_user(error) or not _is_of_world(error, plan):
            raise
        env = name_of(plan.condition.env)
        raise RRMError(f"env: {env!r}: fails: {failure(error)}; what is done is kept") from error


def _is_of_world(error: BaseException, plan: Plan) -> bool:
    """Whether an error arose in the file of the round's world, a class of the user's own."""
    file = getattr(sys.modules.get(type(plan.world(1)).__module__), "__file__", None)
    return file is not None and file in their_files(error)


class InProcess:
    """Runs one round after the other in this process.

    Args:
        folder: in which rounds have their folders.
        progress: is kept up to date.
    """

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder, self._progress = folder, progress
        self._started: Plan | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def has_room(self) -> bool:
        return self._started is None

    def start(self, plan: Plan) -> None:
        self._started = plan

    def wait(self) -> list[Outcome]:
        assert self._started is not None
        plan, self._started = self._started, None
        try:
            result = train(
                plan,
                self._folder,
                lambda row: self._progress.row(plan.name, row),
                lambda: self._progress.update(plan.name, status="locked"),
            )
        except Exception as error:
            return [Outcome(plan.name, error=error)]
        return [Outcome(plan.name, result)]


class Processes:
    """Runs rounds in processes of this machine.

    Args:
        folder: in which rounds have their folders.
        progress: is kept up to date.
        shared: what each process has to know.
        workers: how many rounds run at once.
    """

    def __init__(self, folder: Path, progress: Progress, shared: Shared, workers: int) -> None:
        self._folder, self._progress, self._shared, self._workers = folder, progress, shared, workers
        self._running: dict[Future[dict[str, Any]], str] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        home = self._open.enter_context(tempfile.TemporaryDirectory(prefix="rrm-"))
        self._journal = Path(home) / "progress"
        self._journal.touch()
        self._news = self._open.enter_context(self._journal.open(encoding="utf-8"))
        self._part = ""
        # Processes are kept for the next experiment of a suite, for a while: to import torch takes seconds.
        threads = {name: os.environ.get(name, "1") for name in THREADS}
        self._executor = get_reusable_executor(self._workers, timeout=60, env=threads)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._executor.shutdown(wait=False, kill_workers=True)
        self._open.close()

    def has_room(self) -> bool:
        return len(self._running) < self._workers

    def start(self, plan: Plan) -> None:
        future = self._executor.submit(_train_in_process, plan, self._folder, self._journal, os.getpid(), self._shared)
        self._running[future] = plan.name

    def wait(self) -> list[Outcome]:
        ended, _ = wait(self._running, timeout=POLL, return_when=FIRST_COMPLETED)
        self._read_journal()
        return [self._outcome(future) for future in ended]

    def _outcome(self, future: Future[dict[str, Any]]) -> Outcome:
        name, error = self._running.pop(future), future.exception()
        if isinstance(error, BrokenProcessPool):  # out of memory, killed, or ended by what the user's code called
            error = RRMError(
                "a process that was training died; what it had done is kept, and the same call goes on from there"
            )
        return Outcome(name, error=error) if error else Outcome(name, future.result())

    def _read_journal(self) -> None:
        *lines, self._part = (self._part + self._news.read()).split("\n")
        for line in lines:
            name, status, row = json.loads(line)
            if status == "locked":
                self._progress.update(name, status=status)
            else:
                self._progress.row(name, row)


def _train_in_process(plan: Plan, folder: Path, journal: Path, owner: int, shared: Shared) -> dict[str, Any]:
    """Run a round in a process that ``owner`` started; report its progress by lines in ``journal``.

    It stops at the next rollout once ``owner`` is gone: killed, say.
    """
    shared.take_over()

    def report(status: str, row: Row | None = None) -> None:
        if os.getppid() != owner:
            os._exit(1)  # nobody is left to be told; what is done is on the disk
        with journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps([plan.name, status, row]) + "\n")  # by one call of the system's: lines do not mix

    return train(plan, folder, lambda row: report("running", row), lambda: report("locked"))

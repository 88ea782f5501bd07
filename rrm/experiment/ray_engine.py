"""``engine: ray``: rounds on a Ray cluster. No disk is shared: files travel, and this process alone writes the folder.

A worker gets the folders of the rounds below, and its own with its newest checkpoint. It sends back every answer of an
evaluator before it asks the next question, and its files after every rollout, and continues when they are on the disk
here (``ray_worker``). If a worker is lost, its round is given to another worker.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import ray
from ray.exceptions import RayError, RayTaskError, RuntimeEnvSetupError

from rrm.agents.files import write_bytes
from rrm.envs.user_errors import is_theirs
from rrm.errors import RRMError
from rrm.experiment.engines import Outcome, Shared, train
from rrm.experiment.progress import POLL, Progress
from rrm.experiment.ray_worker import Files, Mailbox, Message, run_remotely, sources_of
from rrm.feedback.labels import Labels
from rrm.feedback.tables import STORE
from rrm.rounds.plan import Plan
from rrm.storage import rundir
from rrm.text import line, short

MOST_LOST: Final = 3
"""Workers in a row that a round may lose without a new checkpoint or answer."""


class _HeldError(Exception):
    """Another process trains the round."""


@dataclass
class _Job:
    """A round that a worker runs."""

    plan: Plan
    held: ExitStack
    """The lock of its folder, and its label store."""

    attempt: int = 0
    lost: int = 0
    """Workers lost since the last news."""

    store: Labels | None = None


class RayEngine:
    """Runs rounds on the machines of a Ray cluster.

    Args:
        folder: that of the rounds, here.
        progress: gets the progress of the rounds.
        shared: other data for the workers.
        workers: rounds at once; None: as many as the cluster has CPUs for.
        address: of the cluster; None: one is started on this machine, with ``workers`` CPUs, and ended with the run.
    """

    def __init__(
        self, folder: Path, progress: Progress, shared: Shared, workers: int | None, address: str | None
    ) -> None:
        self._folder, self._progress, self._shared = folder, progress, shared
        self._workers, self._address = workers, address
        self._jobs: dict[Any, _Job] = {}
        self._waiting: list[Plan] = []
        """Rounds that another process trains."""

        self._ended: list[Outcome] = []
        self._kept: list[int] = []
        """Numbers of messages whose content is on the disk."""

        self._open = ExitStack()

    def __enter__(self) -> Self:
        if not ray.is_initialized():
            self._connect()
            self._open.callback(ray.shutdown)
        remote: Any = ray.remote(num_cpus=0)(Mailbox)
        self._mailbox = remote.remote()
        self._open.callback(ray.kill, self._mailbox)
        self._news = self._mailbox.take.remote([])
        self._run: Any = ray.remote(num_cpus=1, max_retries=0)(run_remotely)
        return self

    def _connect(self) -> None:
        if self._address and self._address.startswith("ray://"):
            raise RRMError(f"ray_address: {self._address}: must be host:port of a cluster that this machine belongs to")
        modules = _user_modules()
        settings: dict[str, Any] = {"runtime_env": {"py_modules": modules}} if modules else {}
        if self._address is None:
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            settings |= {"num_cpus": self._workers, "include_dashboard": False}
        try:
            host, colon, port = (self._address or "").rpartition(":")
            if colon and port.isdigit():  # Ray itself looks for many minutes for a cluster that is not there
                socket.create_connection((host, int(port)), timeout=10).close()
            ray.init(self._address or "local", log_to_driver=False, logging_level=logging.ERROR, **settings)
        except (RayError, ConnectionError, ValueError, RuntimeError, OSError) as error:
            what = f"ray_address: {self._address}" if self._address else "engine: ray"
            raise RRMError(f"{what}: no cluster could be joined: {line(error)}") from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running, job in self._jobs.items():
            with suppress(RayError):
                ray.cancel(running, force=True)
            job.held.close()
        self._open.close()

    def has_room(self) -> bool:
        return self._workers is None or len(self._jobs) + len(self._waiting) < self._workers

    def start(self, plan: Plan) -> None:
        home = rundir.inside(self._folder, plan.name)
        job = _Job(plan, ExitStack())
        try:
            if not os.path.lexists(home / "result.json"):
                job.held.enter_context(rundir.locked(home, _refuse))
            if not os.path.lexists(home / "result.json"):
                self._submit(job)
                return
            outcome = Outcome(plan.name, train(plan, self._folder, lambda _: None, lambda: None))  # verifies it
        except _HeldError:
            self._progress.update(plan.name, status="locked")
            self._waiting.append(plan)
            return
        except Exception as error:
            outcome = Outcome(plan.name, error=error)
        job.held.close()
        self._ended.append(outcome)

    def _submit(self, job: _Job) -> None:
        plan = job.plan
        try:
            pickled: bytes = ray.cloudpickle.dumps((plan, self._shared))  # type: ignore[no-untyped-call]
        except Exception as error:  # of the user's objects, whatever it is
            raise RRMError(
                f"an object in the configuration cannot be sent to other machines: {line(error)}; name it as"
                " module:name, or path.py:name"
            ) from None
        running = self._run.remote(
            pickled,
            job.attempt,
            sources_of(plan),
            {each.name: _files(self._folder / each.name) for each in plan.read_from},
            _files(self._folder / plan.name),
            self._mailbox,
        )
        self._jobs[running] = job

    def wait(self) -> list[Outcome]:
        waiting, self._waiting = self._waiting, []
        for plan in waiting:
            self.start(plan)
        ray.wait([self._news, *self._jobs], timeout=0 if self._ended else POLL)
        self._read(0)
        if self._jobs:
            for running in ray.wait([*self._jobs], num_returns=len(self._jobs), timeout=0)[0]:
                self._conclude(running)
        ended, self._ended = self._ended, []
        return ended

    def _read(self, timeout: float) -> bool:
        """Store the content of messages that arrive within this many seconds. Returns whether there were any."""
        try:
            if not ray.wait([self._news], timeout=timeout)[0]:
                return False
            for number, message in ray.get(self._news):
                self._keep(message)
                self._kept.append(number)
            self._news, self._kept = self._mailbox.take.remote(self._kept), []
        except RayError as error:
            raise RRMError(f"the cluster was lost: {_why(error)}; what was done is kept") from None
        return True

    def _conclude(self, running: Any) -> None:
        """Take the result of a round; or give the round to another worker, if its worker was lost."""
        job = self._jobs[running]
        name = job.plan.name
        try:
            outcome = Outcome(name, ray.get(running))
        except RuntimeEnvSetupError as error:
            outcome = Outcome(name, error=RRMError(f"the workers cannot be given your modules: {_why(error)}"))
        except RayTaskError as error:
            cause = getattr(error, "cause", error)
            outcome = Outcome(name, error=cause if isinstance(cause, RRMError) else error)
        except RayError as error:  # it was killed, ran out of memory, or its machine is gone
            job.lost += 1
            end = time.monotonic() + 1
            while self._read(POLL) and time.monotonic() < end:  # it may have sent something before
                pass
            job.attempt += 1
            if job.lost < MOST_LOST:
                self._progress.update(name, status="waiting")
                del self._jobs[running]
                self._submit(job)
                return
            what = f"{MOST_LOST} workers in a row died, the last one thus: {_why(error)}"
            outcome = Outcome(name, error=RRMError(f"{what}; what they had done is kept"))
        del self._jobs[running]
        job.held.close()
        self._ended.append(outcome)

    def _keep(self, message: Message) -> None:
        """Write what a worker sends into the folder of its round."""
        job = next((each for each in self._jobs.values() if each.plan.name == message.round), None)
        if job is None or job.attempt != message.attempt:  # of a worker that was taken for lost
            return
        home = rundir.inside(self._folder, message.round)
        present = message.file_names or ()
        if job.store is None and (message.answers or STORE in present):
            job.store = Labels(home / STORE)
            job.held.callback(job.store.close)
        if job.store and message.answers:
            job.store.add(message.answers)
        for name in sorted(message.files, key=_order):
            _write(home, name, message.files[name])
        if message.file_names is not None:
            for old in sorted(home.glob("checkpoint*"), key=lambda path: _order(path.name), reverse=True):
                if old.name not in present:
                    old.unlink()
        if message.answers or message.files:
            job.lost = 0
        self._progress.row(message.round, message.row)


def _why(error: BaseException) -> str:
    """The message of a Ray error on one line. Of a remote traceback this is the last line, which names the error."""
    message = str(error).strip()
    return line(message.splitlines()[-1] if 'File "' in message else message)


def _refuse() -> None:
    raise _HeldError


def _order(name: str) -> tuple[bool, bool, str]:
    """In which files are written: a checkpoint's tensors before what names them, and the result last."""
    return name == "result.json", name == "checkpoint.json", name


def _write(home: Path, name: str, content: bytes) -> None:
    """Write a file that a worker has sent. Raises RRMError if it is not a file of a round."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}", name) or name.startswith(STORE):
        raise RRMError(f"a worker sent a file named {short(name)}: no round leaves such a file")
    if len(content) > rundir.LARGEST:
        raise RRMError(f"{home / name}: would hold {len(content):,} bytes, more than any file of a run may")
    if (home / name).is_symlink():
        raise RRMError(f"{home / name}: is a link, and a run writes into files of its own only; move it away")
    write_bytes(home / name, content)


def _files(home: Path) -> Files:
    """The files of a round, as they are; those of an interrupted write and the lock are left out."""
    return {path.name: path.read_bytes() for path in home.glob("[!.]*") if path.is_file() and not path.is_symlink()}


def _user_modules() -> list[str]:
    """The folder or file of each top-level module of the user's own that is loaded here."""
    paths: dict[str, str] = {}
    for name, module in sorted(sys.modules.items()):
        if "." in name or name == "__main__":
            continue
        places: Iterable[Any] = getattr(module, "__path__", None) or [getattr(module, "__file__", None)]
        for place in places:
            path = Path(place).resolve() if isinstance(place, str) else None
            if path is None or path.stem != name:
                continue
            file = path / "__init__.py" if path.is_dir() else path
            if file.suffix == ".py" and is_theirs(str(file)):
                paths.setdefault(name, str(path))
    return [*paths.values()]

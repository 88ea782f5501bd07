"""The worker's side of ``engine: ray``: it runs a round in a folder of its own, and sends all its files to the driver.

Only this module and ``ray_engine`` import Ray.
"""

from __future__ import annotations

import asyncio
import copy
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from pydantic import BaseModel

from rrm.agents.files import write_bytes
from rrm.envs.user_code import imported_beside, place_file
from rrm.errors import RRMError
from rrm.experiment.engines import train
from rrm.feedback.store import forwarded
from rrm.feedback.tables import STORE
from rrm.protocols import Row
from rrm.rounds.plan import Plan
from rrm.text import line

Files = dict[str, bytes]
"""The content of files, by name."""

Sources = dict[str, Files]
"""Files by the paths by which a configuration names them, each with those beside it that it needs."""


@dataclass(frozen=True)
class Message:
    """A message about a round, from a worker to the driver."""

    round: str
    attempt: int
    """How often the round had been given to a worker before."""

    row: Row | None = None
    """The figures of the rollout that has just been saved."""

    answers: Sequence[tuple[Any, ...]] = ()
    """Rows of the label store."""

    files: Files = field(default_factory=dict)
    """The files that have been written since the last message."""

    file_names: Sequence[str] | None = None
    """The names of all files in the folder of the round; None: the message is not about files."""


class Mailbox:
    """Takes messages of workers to the driver. An actor."""

    def __init__(self) -> None:
        self._new: asyncio.Queue[tuple[int, Message]] = asyncio.Queue()
        self._kept: dict[int, asyncio.Event] = {}
        self._count = 0

    async def put(self, message: Message) -> None:
        """Hand over a message. Returns once the driver has kept what is in it.

        Args:
            message: for the driver.
        """
        number, stored = self._count, asyncio.Event()
        self._count += 1
        self._kept[number] = stored
        await self._new.put((number, message))
        await stored.wait()

    async def take(self, kept: Sequence[int]) -> list[tuple[int, Message]]:
        """Wait for messages.

        Args:
            kept: the numbers of earlier messages whose content has been stored.

        Returns:
            The new messages, each with its number.
        """
        for number in kept:
            self._kept.pop(number).set()
        messages = [await self._new.get()]
        while not self._new.empty():
            messages.append(self._new.get_nowait())
        return messages


def run_remotely(
    pickled: bytes, attempt: int, sources: Sources, below: Mapping[str, Files], own: Files, mailbox: Any
) -> dict[str, Any]:
    """Run a round on a worker.

    Args:
        pickled: the plan, and what is ``Shared``.
        attempt: how often this has been tried before.
        sources: the files that the plan's condition names, as ``sources_of`` finds them.
        below: the folders of the rounds that it needs.
        own: the files of its own folder, such as a checkpoint.
        mailbox: takes messages to the driver.

    Returns:
        The round's result.

    Raises:
        RRMError: the worker lacks a package, or the user's environment failed.
    """
    try:
        plan, shared = ray.cloudpickle.loads(pickled)
    except ImportError as error:
        raise RRMError(
            f"a worker of the cluster cannot import {error.name or 'a module'}: {line(error)}; install the same"
            " packages on all its machines"
        ) from None
    with tempfile.TemporaryDirectory(prefix="rrm-") as place:
        folder, home = Path(place, "rounds"), Path(place, "rounds", plan.name)
        plan = _placed(plan, sources, Path(place, "sources"))
        shared.take_over()
        for name, files in {**below, plan.name: own}.items():
            for file, content in files.items():
                write_bytes(folder / name / file, content)
        seen = _state(home)

        def tell(**what: Any) -> None:
            ray.get(mailbox.put.remote(Message(plan.name, attempt, **what)))

        def tell_files(row: Row | None = None) -> None:
            nonlocal seen
            before, seen = seen, _state(home)
            new = {name: (home / name).read_bytes() for name, state in seen.items() if before.get(name) != state}
            tell(row=row, files=new, file_names=[*seen, *([STORE] if (home / STORE).exists() else [])])

        def on_rollout(row: Row | None) -> None:
            if row is not None:
                tell_files(row)

        tell()
        with forwarded(lambda rows: tell(answers=list(rows))):
            result = train(plan, folder, on_rollout, lambda: None)
        tell_files()
        return result


def _state(home: Path) -> dict[str, tuple[int, int]]:
    """When each file of a round was written, and its size; of all but the label store, whose answers go one by one."""
    if not home.is_dir():
        return {}
    files = {}
    for path in home.iterdir():
        if not path.name.startswith((".", STORE)):
            if not path.is_file():
                raise RRMError(f"{path.name}: a round may leave files in its folder, and no folders")
            about = path.stat()
            files[path.name] = (about.st_mtime_ns, about.st_size)
    return files


# --- Files that a condition names -------------------------------------------------------------------------------------


def sources_of(plan: Plan) -> Sources:
    """The files that the plan's condition names, and the modules beside them that Python files import.

    Args:
        plan: of the round.
    """
    sources: Sources = {}
    for path in _named(plan.condition):
        file = Path(path).expanduser().resolve()
        if file.is_file():
            others = imported_beside(file, file.parent) if file.suffix == ".py" else _weights_beside(file)
            texts = {file: file.read_bytes(), **others}
            sources[path] = {str(each.relative_to(file.parent)): text for each, text in texts.items()}
    return sources


def _weights_beside(file: Path) -> dict[Path, bytes]:
    """The weights of a saved agent, whose ``.json`` is named."""
    weights = file.with_suffix(".safetensors")
    return {weights: weights.read_bytes()} if file.suffix == ".json" and weights.is_file() else {}


def _named(value: Any) -> Iterator[str]:
    """Each path in 'path.py:name', and those of demonstrations and of saved agents that demonstrate."""
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, str) and (key == "demonstrations" or (key == "skill" and _is_file(item))):
                yield item
            else:
                yield from _named(item)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _named(each)
    elif isinstance(value, str):
        path, colon, _ = value.rpartition(":")
        if colon and path.endswith(".py"):
            yield path


def _is_file(skill: str) -> bool:
    """Whether a skill is a file of demonstrations or a saved agent."""
    return skill.endswith((".npz", ".json"))


def _moved(value: Any, path: str, copy_of: str) -> Any:
    """A section of the configuration in which ``path`` names a copy of that file."""
    if isinstance(value, BaseModel):
        return value.model_copy(update={key: _moved(each, path, copy_of) for key, each in value})
    return copy_of if value == path else value


def _placed(plan: Plan, sources: Sources, folder: Path) -> Plan:
    """The plan, in a process in which these files are copies in ``folder``. It keeps its name."""
    for i, (path, texts) in enumerate(sources.items()):
        for name, text in texts.items():
            write_bytes(folder / str(i) / name, text)
        copy_of = folder / str(i) / Path(path).expanduser().name
        if copy_of.suffix != ".py":
            distill = _moved(plan.condition.distill, path, str(copy_of))
            plan = copy.copy(plan)
            plan.__dict__["condition"] = plan.condition.model_copy(update={"distill": distill})
        else:
            place_file(path, copy_of)
    return plan

"""Failures of file operations, put into a process on purpose."""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["kill", "EIO", "ENOSPC"]


@dataclass
class Fault:
    """What happens at the operation ``number``, counted from 1; ``witness`` is a file that is made when it does.

    With ``database`` only SQLite's statements are counted, and fail.
    """

    kind: Kind
    number: int
    witness: Path
    database: bool = False
    count: int = 0

    def due(self, needs_space: bool, database: bool = False) -> bool:
        """Count an operation; returns whether it fails. A full disk stays full for whatever needs space."""
        if self.database and not database:
            return False
        self.count += 1
        if self.count == self.number:
            os.close(_open(self.witness, os.O_WRONLY | os.O_CREAT))
        return self.count == self.number or (self.kind == "ENOSPC" and self.count > self.number and needs_space)

    def strike(self, path: object = None) -> None:
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self.kind)
        raise OSError(number, os.strerror(number), *([str(path)] if path is not None else []))

    def strike_database(self) -> None:
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise sqlite3.OperationalError("disk I/O error" if self.kind == "EIO" else "database or disk is full")


_open = os.open


@contextlib.contextmanager
def inject(fault: Fault, folder: Path) -> Iterator[None]:
    """Let ``fault`` happen to the operations on what lies in ``folder``, in this process."""
    real: dict[tuple[Any, str], Any] = {}

    def concerned(path: Any) -> bool:
        return (Path(f"/proc/self/fd/{path}").readlink() if isinstance(path, int) else Path(path)).is_relative_to(
            folder
        )

    def failing(name: str, needs_space: bool = False) -> Callable[..., Any]:
        original = getattr(os, name)

        def operation(path: Any, *more: Any, **settings: Any) -> Any:
            if concerned(path) and fault.due(needs_space):
                fault.strike(None if isinstance(path, int) else path)
            return original(path, *more, **settings)

        return operation

    def open_number(path: Any, flags: int, *more: Any, **settings: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and concerned(path) and fault.due(bool(flags & os.O_CREAT)):
            fault.strike(path)
        return _open(path, flags, *more, **settings)

    class Failing(io.FileIO):
        def write(self, data: Any) -> int:
            if fault.due(needs_space=True):
                super().write(bytes(data)[: len(data) // 2])
                fault.strike()
            return super().write(data)

    def open_file(file: Any, mode: str = "r", *more: Any, **settings: Any) -> Any:
        if isinstance(file, int) or not set(mode) & set("wax+") or not concerned(file):
            return io_open(file, mode, *more, **settings)
        if fault.due(needs_space=True):
            fault.strike(file)
        raw = Failing(file, mode.replace("b", "").replace("t", ""))
        buffered = io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding="utf-8", write_through=False)

    class Connection(sqlite3.Connection):
        def execute(self, *statement: Any) -> sqlite3.Cursor:
            if fault.due(statement[0].split()[0] in ("insert", "commit", "create"), database=True):
                fault.strike_database()
            return super().execute(*statement)

        def executemany(self, *statement: Any) -> sqlite3.Cursor:
            if fault.due(needs_space=True, database=True):
                fault.strike_database()
            return super().executemany(*statement)

    def connect(path: Any, *more: Any, **settings: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = sqlite_connect(path, *more, **{**settings, "factory": Connection})
        return made

    io_open, sqlite_connect = io.open, sqlite3.connect
    new: dict[tuple[Any, str], Any] = {
        (os, "open"): open_number,
        (io, "open"): open_file,
        (builtins, "open"): open_file,
        (sqlite3, "connect"): connect,
        (os, "mkdir"): failing("mkdir", needs_space=True),
    }
    new |= {(os, name): failing(name) for name in ("fsync", "replace", "rename", "unlink", "remove", "rmdir")}
    for (module, name), operation in new.items():
        real[module, name] = getattr(module, name)
        setattr(module, name, operation)
    try:
        yield
    finally:
        for (module, name), operation in real.items():
            setattr(module, name, operation)

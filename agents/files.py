"""Writes files whole or not at all, and reads them within bounds, never from pipes or devices."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

TEMPORARY = ".*.tmp"
"""The pattern of the temporary files that a process leaves if it is killed while it writes."""


def write_bytes(path: Path, content: bytes) -> Path:
    """Write a file so that it is there whole or not at all, whenever the process is killed, and is on the disk.

    A file with this content already is not written, so that a folder in which nothing changes may be read-only.

    Args:
        path: the file; its folder is made where there is none.
        content: the content of the file.

    Returns:
        ``path``.

    Raises:
        OSError: it could not be written; the error names ``path``. The old content is still there; or the new content,
            whole, if only the folder could not be synchronised with the disk.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if holds(path, content):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:  # not through a link that somebody else put there
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error  # some errors name no file, others our own
    return path


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file.

    Args:
        path: of the file.
        most: how many bytes it may have.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file, or is larger, or no system allows such a name.
    """
    about = path.stat()
    mode = about.st_mode
    if not stat.S_ISREG(mode):
        raise ValueError("is a folder, not a file" if stat.S_ISDIR(mode) else "is a device or a pipe, not a file")
    content = b""
    if about.st_size <= most:
        with path.open("rb") as file:
            content = file.read(most + 1)  # it may grow, and some of the system's have no size
    if max(about.st_size, len(content)) > most:
        raise ValueError(f"is too large: must have at most {most:,} bytes")
    return content


def holds(path: Path, content: bytes) -> bool:
    """Whether a file is there and holds a content, no more and no less.

    Args:
        path: of the file.
        content: what it should hold.
    """
    return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content


def remove(path: Path) -> None:
    """Remove a file, if it is there: a read-only disk refuses to remove what is not.

    Args:
        path: of the file.
    """
    if path.exists():
        path.unlink()


def _sync(folder: Path) -> None:
    """Make the names in a folder last, too. Windows opens no folders."""
    if sys.platform == "win32":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

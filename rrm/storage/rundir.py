"""Files of a run: written whole or not at all, fingerprinted, read without executing anything.

A file is assumed to be damaged or hostile until it has been checked: only regular files are opened, none is read
without a limit, and any error is a ``DamagedFileError`` that names the file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rrm.agents.files import TEMPORARY, write_bytes
from rrm.errors import DamagedFileError

LARGEST, MOST = 2**31, 2**26
"""The most bytes of any file, tensors and labels included; and of a JSON or CSV file that is read."""


def fingerprint(content: Any) -> str:
    """A name for a content: equal contents have equal names.

    Args:
        content: what JSON can hold.
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def digest(path: Path) -> str:
    """The SHA-256 of a regular file, in hexadecimal.

    Args:
        path: of the file.

    Raises:
        DamagedFileError: it cannot be read.
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DamagedFileError(f"{path}: cannot be read: {error.strerror}") from None


def check_regular(path: Path) -> None:
    """Check that a path leads to a regular file, also by a link: others may block, or never end.

    Args:
        path: of the file.

    Raises:
        DamagedFileError: it does not, or the file is too large.
    """
    try:
        about = path.stat()
    except FileNotFoundError:
        raise DamagedFileError(f"{path}: is missing") from None
    except (OSError, ValueError) as error:  # no right to look there, links in a circle
        raise DamagedFileError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(about.st_mode):
        raise DamagedFileError(f"{path}: is not a regular file")
    if about.st_size > LARGEST:
        raise DamagedFileError(f"{path}: holds {about.st_size:,} bytes, more than any file of a run ({LARGEST:,})")


def write_text(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, whenever the process is killed.

    Args:
        path: of the file.
        text: its content.

    Raises:
        DamagedFileError: a folder is in its place.
    """
    try:
        write_bytes(path, text.encode())
    except OSError as error:
        if path.is_dir():
            raise DamagedFileError(f"{path}: is a folder, not a file: move it away") from error
        raise


def as_json(content: Any) -> str:
    """JSON with its keys sorted: equal contents are equal byte for byte.

    Args:
        content: what JSON can hold.
    """
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all.

    Args:
        path: of the file.
        content: what JSON can hold.
    """
    write_text(path, as_json(content))


def sealed(content: Mapping[str, Any]) -> str:
    """JSON with the fingerprint of the content in it, by which ``read_sealed`` finds any change.

    Args:
        content: what JSON can hold, by name.
    """
    return as_json({**content, "fingerprint": fingerprint(content)})


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON with its fingerprint, whole or not at all.

    Args:
        path: of the file.
        content: what JSON can hold, by name.
    """
    write_text(path, sealed(content))


def read_text(path: Path) -> str:
    """The text of a regular file of at most ``MOST`` bytes.

    Args:
        path: of the file.

    Raises:
        DamagedFileError: it cannot be read, or is larger.
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            content = file.read(MOST + 1)
        if len(content) > MOST:
            raise DamagedFileError(f"{path}: holds more than {MOST} bytes")
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path}: cannot be read: {error}") from None


def read_json(path: Path) -> dict[str, Any]:
    """The named values that a JSON file holds.

    Args:
        path: of the file.

    Raises:
        DamagedFileError: it holds none.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
        # Or it is nested too deeply to be fingerprinted, or holds half a character (a lone surrogate).
        json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path}: is not readable JSON ({error})") from None
    if not isinstance(content, dict):
        raise DamagedFileError(f"{path}: is not what was written there: it holds no named values")
    return content


def read_sealed(path: Path) -> dict[str, Any]:
    """The content that ``write_sealed`` wrote.

    Args:
        path: of the file.

    Raises:
        DamagedFileError: it has been changed since.
    """
    content = read_json(path)
    try:
        whole = content.pop("fingerprint", None) == fingerprint(content)
    except (ValueError, RecursionError):  # what is nested too deeply to be written again
        whole = False
    if not whole:
        raise DamagedFileError(f"{path}: is not what was written there")
    return content


def manifest(paths: Iterable[Path]) -> dict[str, str]:
    """The fingerprints of files, by name, to be kept in a result.

    Args:
        paths: of the files.
    """
    return {path.name: digest(path) for path in sorted(paths)}


def verify(folder: Path, files: Mapping[str, str]) -> None:
    """Check that files are just as they were written, and no links.

    Args:
        folder: where they are.
        files: their fingerprints, by name.

    Raises:
        DamagedFileError: one is not.
    """
    for name, expected in files.items():
        path = folder / name
        if path.is_symlink():
            raise DamagedFileError(f"{path}: is a link, not what was written there")
        if digest(path) != expected:
            raise DamagedFileError(f"{path}: is not what was written there")


@contextlib.contextmanager
def advice(text: str) -> Iterator[None]:
    """Add advice to the message about a damaged file.

    Args:
        text: the advice.

    Raises:
        DamagedFileError: the same error, with the advice.
    """
    try:
        yield
    except DamagedFileError as error:
        raise DamagedFileError(f"{error}; {text}") from None


def inside(home: Path, *names: str) -> Path:
    """A folder within a folder.

    Args:
        home: the outer folder; it may be a link.
        *names: of the folders on the way.

    Raises:
        DamagedFileError: a link on the way leads elsewhere, where nothing must be written.
    """
    path = home
    for name in names:
        path = path / name
        if path.is_symlink():
            raise DamagedFileError(f"{path}: is a link, and a run writes into folders of its own only; move it away")
    return path


@contextlib.contextmanager
def locked(folder: Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Lock a folder for this process. A process that holds the lock may lock it again.

    The system releases the lock when a process dies. What killed processes left half-written in the folder is removed.
    A folder that cannot be written to needs no lock.

    Args:
        folder: made if there is none.
        on_wait: called once if another process holds the folder, before waiting for it. None: a line on stderr says so.

    Raises:
        DamagedFileError: the lock is a link.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".lock"
    if path.is_symlink():
        raise DamagedFileError(f"{path}: is a link, and the lock must be a file of its own; move it away")
    lock = FileLock(path, is_singleton=True)
    try:
        try:
            lock.acquire(blocking=False)
        except Timeout:
            if on_wait:
                on_wait()
            else:
                print(f"rrm: {folder}: another process works there; waiting for it", file=sys.stderr, flush=True)
            lock.acquire()
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES):
            raise
    try:
        if lock.is_locked:
            for part in (folder, folder / "figures", folder / "videos"):
                for left in part.glob(TEMPORARY) if part is folder or not part.is_symlink() else ():
                    if not stat.S_ISDIR(left.lstat().st_mode):
                        left.unlink()
        yield
    finally:
        lock.release()


def leftovers(folder: Path) -> bool:
    """Whether there is something in the folder of a round that is done which a killed process has left there.

    Args:
        folder: of the round.
    """
    return any(next(folder.glob(pattern), None) for pattern in ("checkpoint*", TEMPORARY))

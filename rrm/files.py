"""Files read within bounds: no more than so many bytes, and neither pipes nor devices, which may never end."""

from __future__ import annotations

import stat
from pathlib import Path


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file of at most ``most`` bytes.

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

"""A cgroup's files: settings are written and statistics read as short texts.

What belongs here: one open, one read or write, one close, and the error. What does not: what the files mean.
"""

from __future__ import annotations

import os

from section03_cgroups.errors import refused


def write_value(folder: str, name: str, text: str) -> None:
    """Write ``text`` to the group's file ``name``: one open, one write, one close. Raises CgroupError."""
    path = f"{folder}/{name}"
    try:
        fd = os.open(path, os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
    except OSError as error:
        raise refused(error, "write", path, text) from None


def read_value(folder: str, name: str) -> str:
    """Return the text of the group's file ``name``, without the last newline. Raises CgroupError."""
    path = f"{folder}/{name}"
    try:
        fd = os.open(path, os.O_RDONLY)
        try:
            parts = []
            while part := os.read(fd, 65536):
                parts.append(part)
        finally:
            os.close(fd)
    except OSError as error:
        raise refused(error, "read", path) from None
    return b"".join(parts).decode().rstrip("\n")

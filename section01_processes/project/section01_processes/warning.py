"""Warnings: what went wrong and must not stop the container."""

from __future__ import annotations

import os


def warn(text: str) -> None:
    """Write ``warning: text`` to standard error in one write; in the shim that is ``shim.log``. Never raises."""
    try:
        os.write(2, f"warning: {text}\n".encode(errors="surrogateescape"))
    except OSError:
        pass

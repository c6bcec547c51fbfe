"""How the runner and the jail talk: one JSON object per line, over a pair of pipes.

    runner ──▶ jail    world                      once: what the attempts are told (paths, pids, numbers)
    jail ──▶ runner    {"facts": …}               once: what the jailed process is (capabilities, namespaces)
    runner ──▶ jail    {"attempt": NAME}          then, for each technique …
    jail ──▶ runner    {"ask": WHAT, …}           … the accomplice outside is asked, as often as needed …
    runner ──▶ jail    {"answer": …}
    jail ──▶ runner    {"result": …}              … and the attempt ends

What belongs here: lines. What does not: what they mean.
"""

from __future__ import annotations

import json
import os
import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Link:
    """One end; the owner of a Link owns both descriptors."""

    __slots__ = ("_rest", "reader", "writer")

    def __init__(self, reader: int, writer: int) -> None:
        self.reader, self.writer = reader, writer
        self._rest = b""

    def send(self, message: dict[str, Any]) -> None:
        """Send one message. Raises OSError (EPIPE: the other side is gone)."""
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self.writer, data) :]

    def receive(self, seconds: float | None = None) -> dict[str, Any] | None:
        """Return the next message; None at the end, or when ``seconds`` have passed without one."""
        end = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = None if end is None else max(0.0, end - time.monotonic())
            if not select.select([self.reader], [], [], left)[0]:
                return None
            data = os.read(self.reader, 65536)
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def waiting(self) -> bool:
        """Return whether something has arrived that nobody has taken yet."""
        return bool(self._rest) or bool(select.select([self.reader], [], [], 0)[0])

    def close(self) -> None:
        """Close both descriptors."""
        for fd in {self.reader, self.writer}:
            os.close(fd)

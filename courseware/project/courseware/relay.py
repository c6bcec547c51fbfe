"""Pass on what a program writes, with one text in the place of another.

What belongs here: the stream between, which is a terminal where the target is one, so that a program that asks
(isatty(3)) gets the same answer as without us. What does not: which text, and the program.
"""

from __future__ import annotations

import os
import select
import termios
import tty

SIZE = 65536


class Relay:
    """A stream to ``target``, a descriptor of the caller's, in which ``new`` stands for ``old``. Both as bytes.

    ``end`` is the program's: after its start, ``close_end``.
    """

    def __init__(self, target: int, old: bytes, new: bytes) -> None:
        self.target, self._old, self._new = target, old, new
        self._held = b""  # the last bytes, while they may be the beginning of the old text
        if os.isatty(target):
            self._source, self.end = os.openpty()
            tty.setraw(self.end)  # line feeds are translated once, by the target
            termios.tcsetwinsize(self.end, termios.tcgetwinsize(target))
        else:
            self._source, self.end = os.pipe2(os.O_CLOEXEC)

    def close_end(self) -> None:
        """Close our copy of the program's end."""
        if self.end >= 0:
            os.close(self.end)
            self.end = -1

    def pump(self, seconds: float, until: int) -> None:
        """Wait for bytes, or until the descriptor ``until`` can be read, for at most ``seconds``; pass on what came."""
        poll = select.poll()
        poll.register(until, select.POLLIN)
        if self._source >= 0:
            poll.register(self._source, select.POLLIN)
        found = dict(poll.poll(seconds * 1000))
        if self._source in found:
            self._move()
        else:
            self._write(self._take(b"", last=True))

    def drain(self) -> None:
        """Pass on what is there, and close. Idempotent."""
        self.close_end()
        while self._source >= 0 and select.select([self._source], [], [], 0)[0]:
            self._move()
        self._write(self._take(b"", last=True))
        self._close()

    def _move(self) -> None:
        """Read once and pass it on; close at the end of the stream, which a terminal calls EIO."""
        try:
            data = os.read(self._source, SIZE)
        except OSError:
            data = b""
        if data:
            self._write(self._take(data))
        else:
            self._close()

    def _take(self, data: bytes, *, last: bool = False) -> bytes:
        """Return what can be passed on of the bytes held and ``data``; hold what may be half of the old text."""
        data = (self._held + data).replace(self._old, self._new)
        half = 0 if last else max(n for n in range(len(self._old)) if data.endswith(self._old[:n]))
        self._held = data[len(data) - half :]
        return data[: len(data) - half]

    def _write(self, data: bytes) -> None:
        """Write all; where nobody reads any more, the program is told in its turn: EPIPE, or EIO."""
        try:
            while data:
                data = data[os.write(self.target, data) :]
        except OSError:
            self._close()

    def _close(self) -> None:
        if self._source >= 0:
            os.close(self._source)
            self._source = -1

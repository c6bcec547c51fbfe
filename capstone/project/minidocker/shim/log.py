r"""Docker's json-file log: the encoder, which is the shim's hot loop, and the file with its rotation.

What belongs here: bytes in, records out, rotation. What does not: where the bytes come from (``streams.py``) and
reading a log (the engine).

A record is one line, ``{"log":"text\n","stream":"stdout","time":"2026-01-31T12:00:00.123456789Z"}``. A line longer
than 16 KiB becomes several records, only the last of them with the ``\n``; so does the rest without a newline at the
end of the stream. Bytes that are not UTF-8 become one U+FFFD each, as Docker's encoder does. Unlike Docker's, a record
never ends inside a character, and ``<``, ``>``, ``&`` are not escaped (both read the same for a JSON parser).

A naive writer (one dictionary and one ``json.dumps`` per line) does 24 MB/s. Here a whole read is decoded once,
escaped once by CPython's C encoder, and only then cut into records by one ``replace``. Because an escaped newline
(``\n``) could as well be the end of an escaped backslash and an n, each newline first becomes a DEL, a character that
JSON does not escape; if the data has a DEL of its own, it is cut line by line instead.
"""

from __future__ import annotations

import os
from _codecs import register_error
from _json import encode_basestring
from time import gmtime, strftime, time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: Docker's limit for one record's text, in bytes (daemon/logger/copier.go).
RECORD_MAX = 16384


def _one_for_each(error: UnicodeError) -> tuple[str, int]:
    """Replace each undecodable byte by U+FFFD (Python's own "replace" makes one of a truncated sequence)."""
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd" * (error.end - error.start), error.end


register_error("lcm-each", _one_for_each)

_second = -1
_date = ""


def timestamp(nanoseconds: int = -1) -> str:
    """Return RFC 3339 with nanoseconds, UTC, of ``nanoseconds`` since the epoch (default: now)."""
    global _second, _date
    second, rest = divmod(time_ns() if nanoseconds < 0 else nanoseconds, 1_000_000_000)
    if second != _second:
        _second, _date = second, strftime("%Y-%m-%dT%H:%M:%S.", gmtime(second))
    return f"{_date}{rest:09d}Z"


def complete_characters(data: bytes, end: int) -> int:
    """Return the largest cut ≤ ``end`` that is not inside a UTF-8 character; bytes that are none count singly."""
    if end >= len(data):
        return end
    start = end
    while start > end - 4 and start > 0 and data[start] & 0xC0 == 0x80:
        start -= 1
    lead = data[start]
    length = 2 if 0xC0 <= lead < 0xE0 else 3 if 0xE0 <= lead < 0xF0 else 4 if 0xF0 <= lead < 0xF8 else 1
    return start if start < end < start + length else end


class Encoder:
    """Turns one stream's bytes into records. Keeps the unfinished line between calls."""

    __slots__ = ("_rest", "stream")

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self._rest = b""

    def feed(self, data: bytes, time: str) -> bytes:
        """Return the records of all lines that ``data`` completes (and of 16 KiB pieces), all with ``time``."""
        if self._rest:
            data = self._rest + data
        end = data.rfind(b"\n") + 1
        while len(data) - end > RECORD_MAX:  # the unfinished line is long: its full pieces go now
            end = complete_characters(data, end + RECORD_MAX)
        self._rest = data[end:]
        return self._records(data[:end] if self._rest else data, time)

    def finish(self, time: str) -> bytes:
        """Return the record of what is left without a newline, if anything; the stream has ended."""
        data, self._rest = self._rest, b""
        return self._records(data, time)

    def _records(self, data: bytes, time: str) -> bytes:
        """Return the records of ``data``, which is cut at every newline and every 16 KiB within a line."""
        if not data:
            return b""
        end = f'","stream":"{self.stream}","time":"{time}"}}\n'
        if b"\x7f" in data or has_long_line(data):
            lines = (str(piece, "utf-8", "lcm-each") for piece in pieces(data))
            return "".join([f'{{"log":{encode_basestring(line)[:-1]}{end}' for line in lines]).encode()
        text = encode_basestring(str(data, "utf-8", "lcm-each").replace("\n", "\x7f"))
        between = f'\\n{end}{{"log":"'
        if text[-2] == "\x7f":
            text = f'{{"log":{text[:-2]}'.replace("\x7f", between) + f"\\n{end}"
        else:
            text = f'{{"log":{text[:-1]}'.replace("\x7f", between) + end
        return text.encode()


def has_long_line(data: bytes) -> bool:
    """Return whether a line of ``data`` is longer than a record may be (hops from window to window)."""
    start, size = 0, len(data)
    while size - start > RECORD_MAX:
        newline = data.rfind(b"\n", start, start + RECORD_MAX + 1)
        if newline < 0:
            return True
        start = newline + 1
    return False


def pieces(data: bytes) -> Iterator[bytes]:
    """Yield ``data`` cut after each newline and, within a line, at every 16 KiB (between characters)."""
    start, size = 0, len(data)
    while start < size:
        newline = data.find(b"\n", start, start + RECORD_MAX + 1)
        end = newline + 1 if newline >= 0 else min(size, start + RECORD_MAX)
        if newline < 0:
            end = complete_characters(data, end)
        yield data[start:end]
        start = end


class JsonFile:
    """The log file ``path``; with ``max_size`` it is renamed to ``path.1`` … when full, ``max_file`` files in all."""

    __slots__ = ("_fd", "_size", "max_file", "max_size", "path")

    def __init__(self, path: str, max_size: int = 0, max_file: int = 1) -> None:
        """``max_size`` in bytes, 0: never rotated. Docker's rule: the record that crosses the size is the last one."""
        self.path = path
        self.max_size = max_size
        self.max_file = max(1, max_file)
        self._open()

    def _open(self) -> None:
        """Open the current file for appending."""
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size

    def write(self, records: bytes) -> None:
        """Append whole records. A full disk loses them, not the container: the error is the caller's to report."""
        if not self.max_size:
            write_all(self._fd, records)
            return
        start = 0
        while start < len(records):
            if self._size >= self.max_size:
                self.rotate()
            end = records.find(b"\n", start + max(0, self.max_size - self._size - 1)) + 1 or len(records)
            write_all(self._fd, records[start:end])
            self._size += end - start
            start = end

    def rotate(self) -> None:
        """Make room: n → n+1 by rename, never by truncating, so that a follower can read its file to the end."""
        os.close(self._fd)
        names = [self.path, *(f"{self.path}.{n}" for n in range(1, self.max_file))]
        if len(names) == 1:
            os.unlink(self.path)
        for older, newer in zip(names[::-1], names[-2::-1], strict=False):
            try:
                os.rename(newer, older)
            except FileNotFoundError:
                pass
        self._open()

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def write_all(fd: int, data: bytes) -> None:
    """Write all of ``data`` to a regular file."""
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])

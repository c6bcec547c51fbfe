"""Files that two processes share: written whole or not at all, and JSON without the weight of ``json``.

What belongs here: atomic writing, and JSON by the C accelerators that CPython's json is made of (importing json pulls
in ``re``, seven milliseconds). What does not: what the files mean.
"""

from __future__ import annotations

import os

from .errors import LcmError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SPACE = " \t\n\r"


class BadJson(LcmError, ValueError):
    """A text that is not JSON."""


class _Context:
    """The settings that CPython's scanner asks its context for, as json.JSONDecoder has them."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(word: str) -> float:
        """Refuse NaN and Infinity: they are not JSON (RFC 8259)."""
        raise ValueError(f"{word} is not JSON")


def _make_scanner() -> Any:
    """Return CPython's scan_once(text, index) -> (value, end), or a stand-in with the same meaning."""
    try:
        from _json import make_scanner

        return make_scanner(_Context)  # type: ignore[arg-type]
    except (ImportError, AttributeError, TypeError):
        from json import JSONDecoder

        return JSONDecoder(parse_constant=_Context.parse_constant).raw_decode


def _make_encoder() -> Any:
    """Return a function value -> iterable of text, compact, ASCII only."""
    try:
        from _json import encode_basestring_ascii, make_encoder

        encoder = make_encoder({}, _refuse, encode_basestring_ascii, None, ":", ",", False, False, False)
        return lambda value: encoder(value, 0)
    except (ImportError, AttributeError, TypeError):
        from json import JSONEncoder

        return JSONEncoder(separators=(",", ":"), allow_nan=False, default=_refuse).iterencode


def _refuse(value: object) -> Any:
    """Refuse what JSON has no word for."""
    raise TypeError(f"{type(value).__name__} is not JSON")


_scan = _make_scanner()
_encode = _make_encoder()


def parse_json(text: str | bytes) -> Any:
    """Return the value of JSON ``text`` (bytes: UTF-8). Raises BadJson, a ValueError."""
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise BadJson(f"not JSON: {error}") from error
    begin = len(text) - len(text.lstrip(_SPACE))
    try:
        value, end = _scan(text, begin)
    except StopIteration as error:
        raise BadJson(f"not JSON: expected a value at character {error.value}") from None
    except (ValueError, RecursionError) as error:
        raise BadJson(f"not JSON: {error}") from error
    except SystemError:  # the scanner takes its error's class from the json module, which nobody has imported
        raise BadJson(f"not JSON: {_reason(text)}") from None
    if text[end:].strip(_SPACE):
        raise BadJson(f"not JSON: more text after the value, at character {end}")
    return value


def _reason(text: str) -> str:
    """Return why the json module refuses ``text``."""
    import json

    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    return "the scanner refused it"


def format_json(value: Any) -> str:
    """Return ``value`` as compact JSON, ASCII only. Raises TypeError or ValueError (NaN, a circle)."""
    return "".join(_encode(value))


def read_json(path: str) -> Any:
    """Return the value of the JSON file ``path``. Raises OSError, BadJson."""
    try:
        with open(path, "rb") as file:
            return parse_json(file.read())
    except BadJson as error:
        raise BadJson(f"{path}: {error.message}") from error


def write_file(path: str, data: bytes | str, mode: int = 0o600, *, durable: bool = True) -> None:
    """Write ``path`` so that a reader, or a crash, sees the old content or all of the new.

    A temporary file in the same folder, fsync, rename(2), fsync of the folder; without ``durable`` no fsync: atomic
    for readers, but a power cut may lose it. ``mode`` is exact (no umask). Raises OSError; nothing is left then.
    """
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:200]}.{os.getpid()}~")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb", buffering=0) as file:
            _write_all(file.fileno(), data.encode() if isinstance(data, str) else data)
            os.fchmod(file.fileno(), mode)
            if durable:
                os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    if durable:
        sync_folder(folder or ".")


def _write_all(fd: int, data: bytes) -> None:
    """Write all of ``data``; write(2) may take less at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def sync_folder(path: str) -> None:
    """Make the names in folder ``path`` durable. fsync(2)."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

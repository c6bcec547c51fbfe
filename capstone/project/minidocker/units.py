"""Sizes, processors, durations and times, as Docker writes and reads them.

What belongs here: pure conversions of text to numbers and back. What does not: which option has which unit (the
callers say the flag, so that an error can name it).
"""

from __future__ import annotations

import time

from .errors import BadOption

_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _split(text: str) -> tuple[str, str]:
    """Return the leading number of ``text`` and the rest: ``64m`` → ``("64", "m")``."""
    end = 0
    while end < len(text) and (text[end] in "0123456789."):
        end += 1
    return text[:end], text[end:]


def parse_number(text: str, flag: str) -> int:
    """Return the whole number in ``text``. Raises BadOption."""
    try:
        return int(text)
    except ValueError:
        raise BadOption(flag, text, "not a whole number") from None


def parse_size(text: str, flag: str) -> int:
    """Return bytes for ``64m``, ``1.5g``, ``10kb``, ``4KiB`` or ``1024`` (powers of 1024). Raises BadOption."""
    number, unit = _split(text.strip().lower())
    unit = unit.strip()
    if len(unit) > 1 and unit.endswith("b"):
        unit = unit[:-1].removesuffix("i")
    if unit not in _UNITS or not number or number.count(".") > 1 or number == ".":
        raise BadOption(flag, text, "not a size", hint="a number and one of b, k, m, g, as in 64m")
    return int(float(number) * _UNITS[unit])


def parse_cpus(text: str, flag: str = "--cpus") -> int:
    """Return billionths of a processor (Docker's NanoCpus) for ``1.5``; any finite number. Raises BadOption."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not -1e9 < value < 1e9:
        raise BadOption(flag, text, "not a number of processors", hint="as in 0.5")
    return round(value * 1_000_000_000)


def parse_duration(text: str, flag: str) -> float:
    """Return seconds for Go's ``1m30s``, ``250ms`` or a plain number of seconds. Raises BadOption."""
    rest, total = text.strip(), 0.0
    if not rest:
        raise BadOption(flag, text, "not a duration", hint="as in 10s or 1m30s")
    while rest:
        number, rest = _split(rest)
        end = 0
        while end < len(rest) and rest[end] not in "0123456789.":
            end += 1
        unit, rest = rest[:end] or "s", rest[end:]
        if unit not in _SECONDS or not number or number.count(".") > 1 or number == ".":
            raise BadOption(flag, text, "not a duration", hint="as in 10s or 1m30s")
        total += float(number) * _SECONDS[unit]
    return total


def parse_moment(text: str, flag: str, now: float) -> float:
    """Return seconds since 1970 for RFC 3339, a Unix time, or a duration before ``now``. Raises BadOption."""
    try:
        return float(text)
    except ValueError:
        pass
    if len(text) >= 10 and text[4:5] == "-":
        return _parse_rfc3339(text, flag)
    return now - parse_duration(text, flag)


def _parse_rfc3339(text: str, flag: str) -> float:
    from calendar import timegm

    body, offset = text, 0
    if body.endswith("Z"):
        body = body[:-1]
    elif len(body) > 19 and body[-6] in "+-":
        sign = -1 if body[-6] == "-" else 1
        offset = sign * (int(body[-5:-3]) * 3600 + int(body[-2:]) * 60)
        body = body[:-6]
    whole, _, fraction = body.partition(".")
    for form in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"):
        try:
            parsed = time.strptime(whole, form)
        except ValueError:
            continue
        return timegm(parsed) - offset + (float("0." + fraction) if fraction else 0.0)
    raise BadOption(flag, text, "not a time", hint="as in 2026-01-31T12:00:00Z, or 10m for ten minutes ago")


def moment_text(text: str, flag: str, now: float) -> str:
    """Return the moment that ``text`` means (see :func:`parse_moment`) as RFC 3339, exact to the nanosecond."""
    whole = rfc3339(int(parse_moment(text, flag, now)) if "T" in text else parse_moment(text, flag, now))
    _, dot, rest = text.partition(".")
    if "T" not in text or not dot:
        return whole
    return whole[:20] + _split(rest)[0][:9].ljust(9, "0") + "Z"


def rfc3339(seconds: float) -> str:
    """Return ``2026-01-31T12:00:00.123456789Z`` for seconds since 1970; Docker's zero time for 0."""
    if not seconds:
        return "0001-01-01T00:00:00Z"
    whole = int(seconds)
    nanoseconds = min(int((seconds - whole) * 1e9), 999_999_999)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{nanoseconds:09d}Z"


def now() -> str:
    """Return the present moment as RFC 3339."""
    return rfc3339(time.time())


def human_duration(seconds: float) -> str:
    """Return Docker's words for a span: ``Less than a second``, ``5 seconds``, ``About an hour``, ``3 days``."""
    s = int(seconds)
    if s < 1:
        return "Less than a second"
    if s == 1:
        return "1 second"
    minutes, hours = s // 60, round(s / 3600)
    steps = (
        (s < 60, f"{s} seconds"),
        (minutes == 1, "About a minute"),
        (minutes < 60, f"{minutes} minutes"),
        (hours == 1, "About an hour"),
        (hours < 48, f"{hours} hours"),
        (hours < 24 * 14, f"{hours // 24} days"),
        (hours < 24 * 60, f"{hours // 24 // 7} weeks"),
        (hours < 24 * 365 * 2, f"{hours // 24 // 30} months"),
    )
    for fits, words in steps:
        if fits:
            return words
    return f"{hours // 24 // 365} years"


def human_size(size: float) -> str:
    """Return ``4.2MB`` (powers of 1000, four significant digits, as Docker's images)."""
    return _scaled(size, 1000, ("B", "kB", "MB", "GB", "TB"))


def binary_size(size: float) -> str:
    """Return ``23.54GiB`` (powers of 1024, four significant digits, as Docker's stats)."""
    return _scaled(size, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))


def _scaled(size: float, step: int, units: tuple[str, ...]) -> str:
    """Return ``size`` in the first unit in which it is below ``step``, else in the last: four significant digits."""
    for unit in units[:-1]:
        if size < step:
            return f"{size:.4g}{unit}"
        size /= step
    return f"{size:.4g}{units[-1]}"

"""`--change`: Dockerfile lines that set an image's configuration, as `docker import` and `docker commit` take them."""

from __future__ import annotations

import shlex

from section01_processes import UsageError, parse_json, signal_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def apply_changes(config: dict[str, Any], changes: list[str]) -> dict[str, Any]:
    """Return ``config`` (an image's ``config`` object) with ``changes`` applied in order. Raises UsageError."""
    result = dict(config)
    for line in changes:
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if not rest or word.upper() not in _CHANGES:
            known = ", ".join(_CHANGES)
            raise UsageError(f"invalid change {line!r}", hint=f"an instruction and its value; known: {known}")
        try:
            _CHANGES[word.upper()](result, rest)
        except ValueError as error:
            raise UsageError(f"invalid change {line!r}: {error}") from error
    return result


def _command(rest: str) -> list[str]:
    """Return an argument list: a JSON array as it is, anything else for the shell."""
    if rest.startswith("["):
        words = parse_json(rest)
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ValueError("the array must hold strings")
        return words
    return ["/bin/sh", "-c", rest]


def _pairs(rest: str) -> list[tuple[str, str]]:
    """Return the (key, value) pairs of ``a=1 b="two words"``, or of the old form ``a 1``."""
    words = shlex.split(rest)
    if "=" not in words[0]:
        return [(words[0], rest.partition(" ")[2].strip())]
    if bad := [word for word in words if "=" not in word]:
        raise ValueError(f"{bad[0]!r} is not key=value")
    return [(key, value) for key, _, value in (word.partition("=") for word in words)]


def _cmd(config: dict[str, Any], rest: str) -> None:
    config["Cmd"] = _command(rest)


def _entrypoint(config: dict[str, Any], rest: str) -> None:
    config["Entrypoint"] = _command(rest)


def _env(config: dict[str, Any], rest: str) -> None:
    variables = dict(variable.partition("=")[::2] for variable in config.get("Env", []))
    config["Env"] = [f"{key}={value}" for key, value in {**variables, **dict(_pairs(rest))}.items()]


def _label(config: dict[str, Any], rest: str) -> None:
    config["Labels"] = {**config.get("Labels", {}), **dict(_pairs(rest))}


def _workdir(config: dict[str, Any], rest: str) -> None:
    if not rest.startswith("/"):
        raise ValueError("the path must be absolute")
    config["WorkingDir"] = rest


def _user(config: dict[str, Any], rest: str) -> None:
    config["User"] = rest


def _expose(config: dict[str, Any], rest: str) -> None:
    for word in rest.split():
        port, _, protocol = word.partition("/")
        if not (
            port.isascii()
            and port.isdigit()
            and 0 < int(port) < 65536
            and (protocol or "tcp") in ("tcp", "udp", "sctp")
        ):
            raise ValueError(f"{word!r} is not a port like 80 or 53/udp")
        config.setdefault("ExposedPorts", {})[f"{port}/{protocol or 'tcp'}"] = {}


def _volume(config: dict[str, Any], rest: str) -> None:
    for path in _command(rest) if rest.startswith("[") else rest.split():
        config.setdefault("Volumes", {})[path] = {}


def _stop_signal(config: dict[str, Any], rest: str) -> None:
    signal_number(rest)
    config["StopSignal"] = rest


_CHANGES = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": _label,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}

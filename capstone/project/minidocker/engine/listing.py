"""What `ps` and `images` list.

What belongs here: rows in Docker's words, filters. What does not: columns and colours (the command line).
"""

from __future__ import annotations

import time

from minidocker import store as s
from minidocker.errors import BadOption
from minidocker.units import human_duration, human_size, parse_moment

from .base import details
from .settle import settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.store import Row

    from .base import Engine

#: What a plain `ps` shows: also what may run, but cannot be told because its folder is damaged.
SHOWN = ("running", "restarting", "dead")
STATES = ("created", "running", "restarting", "exited", "removing", "paused", "dead")


def containers(
    engine: Engine, *, everything: bool = False, last: int = 0, filters: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    """Return the containers that `ps` shows, newest first, each in the words of Docker's templates.

    ``everything``: also those that do not run; ``last``: only the newest n; ``filters``: ``key=value``.
    """
    wanted = parse_filters(filters)
    everything = everything or last > 0 or "status" in wanted or "exited" in wanted
    living = settle(engine)
    rows = engine.store.all() if everything else living[::-1]
    now = time.time()
    shown = []
    for row in rows:
        told = details(row, engine.reported(row.id) if row.state == s.LIVE else {})
        if (everything or told["state"] in SHOWN) and _fits(row, told, wanted):
            shown.append(describe(row, told, now))
        if last and len(shown) == last:
            break
    return shown


def parse_filters(filters: tuple[str, ...]) -> dict[str, list[str]]:
    """Return ``--filter`` by key. Raises BadOption for an unknown one."""
    out: dict[str, list[str]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals or key not in {"status", "name", "label", "id", "exited", "ancestor"}:
            raise BadOption("--filter", text, "not one of status=, name=, label=, id=, exited=, ancestor=")
        if key == "status" and value not in STATES:
            raise BadOption("--filter", text, "not a state", hint=", ".join(STATES))
        out.setdefault(key, []).append(value)
    return out


def _fits(row: Row, told: dict[str, Any], wanted: dict[str, list[str]]) -> bool:
    """Return whether a container passes the filters: any value of a key, every key (labels: every value)."""
    labels = row.parsed("labels") if "label" in wanted else {}
    return (
        _any(wanted, "status", lambda v: told["state"] == v)
        and _any(wanted, "name", lambda v: v.lstrip("/") in row.name)
        and _any(wanted, "id", row.id.startswith)
        and _any(wanted, "exited", lambda v: told["state"] == "exited" and str(told["exit_code"]) == v)
        and _any(wanted, "ancestor", lambda v: v in {row.image, row.image_id})
        and all(_has_label(labels, text) for text in wanted.get("label", ()))
    )


def _any(wanted: dict[str, list[str]], key: str, test: Any) -> bool:
    return key not in wanted or any(test(value) for value in wanted[key])


def _has_label(labels: dict[str, str], text: str) -> bool:
    name, equals, value = text.partition("=")
    return name in labels and (not equals or labels[name] == value)


def describe(row: Row, told: dict[str, Any], now: float) -> dict[str, Any]:
    """Return one line of `ps`, keys as in Docker's --format."""
    return {
        "ID": row.id,
        "Image": row.image,
        "Command": row.command,
        "CreatedAt": time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC", time.gmtime(row.created)),
        "RunningFor": human_duration(now - row.created) + " ago",
        "State": told["state"],
        "Status": status_text(told, now),
        "Ports": ports_text(row.parsed("ports")) if told["state"] == "running" else "",
        "Names": row.name,
        "Labels": ",".join(f"{k}={v}" for k, v in row.parsed("labels").items()),
    }


def status_text(told: dict[str, Any], now: float) -> str:
    """Return ``Up 5 seconds``, ``Exited (0) 3 minutes ago`` and the like."""
    state = told["state"]
    if state == "running":
        return f"Up {human_duration(now - parse_moment(told['started'], 'started', now))}"
    if state in {"exited", "restarting"}:
        ago = human_duration(now - parse_moment(told["finished"], "finished", now)) if told["finished"] else "unknown"
        return f"{state.capitalize()} ({told['exit_code']}) {ago} ago"
    words = {"created": "Created", "removing": "Removal In Progress"}
    return words.get(state) or str(state).capitalize()


def ports_text(ports: list[list[Any]]) -> str:
    """Return ``0.0.0.0:8080->80/tcp, 443/tcp``."""
    return ", ".join(f"{ip}:{host}->{inside}" if host else inside for inside, ip, host in ports)


def images(engine: Engine) -> list[dict[str, Any]]:
    """Return the images, one entry per name, keys as in Docker's --format."""
    from section05_images import familiar_name

    now = time.time()
    shown = []
    for record in engine.images.list():
        created = parse_moment(record.created, "created", now) if record.created else 0.0
        for name in record.names or [""]:
            repository, tag = split_name(familiar_name(name)) if name else ("<none>", "<none>")
            shown.append(
                {
                    "ID": record.id,
                    "Repository": repository,
                    "Tag": tag,
                    "CreatedAt": record.created,
                    "CreatedSince": human_duration(now - created) + " ago" if created else "N/A",
                    "Size": human_size(record.size),
                }
            )
    return shown


def split_name(name: str) -> tuple[str, str]:
    """Return repository and tag of ``localhost:5000/a/b:1.2``."""
    repository, _, tag = name.rpartition(":")
    return (repository, tag) if repository and "/" not in tag else (name, "latest")

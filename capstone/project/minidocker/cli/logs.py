"""``minidocker logs``."""

from __future__ import annotations

import os
import time

from minidocker.engine.base import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def logs(root: str, container: str, follow: bool, tail: str, since: str, until: str, timestamps: bool) -> None:
    """Show the output of CONTAINER."""
    from minidocker.engine.logs import read_log
    from minidocker.engine.settle import settled
    from minidocker.units import moment_text, parse_number

    engine = Engine(root)
    row = settled(engine, container)
    lines = -1 if tail == "all" else max(0, parse_number(tail, "--tail"))
    now = time.time()
    first = moment_text(since, "--since", now) if since else ""
    last = moment_text(until, "--until", now) if until else "~"
    for batch in read_log(engine.folder(row.id), tail=lines, follow=follow):
        _write([record for record in batch if first <= record["time"] < last], timestamps=timestamps)


def _write(records: list[dict[str, Any]], *, timestamps: bool) -> None:
    """Write each record to the stream that it came from, in order; neighbours of one stream in one write."""
    pending: list[str] = []
    stream = "stdout"
    for record in records:
        if record["stream"] != stream:
            _send(pending, stream)
            stream = record["stream"]
        pending.append(f"{record['time']} {record['log']}" if timestamps else record["log"])
    _send(pending, stream)


def _send(pending: list[str], stream: str) -> None:
    data = "".join(pending).encode("utf-8", "surrogateescape")
    pending.clear()
    fd = 2 if stream == "stderr" else 1
    while data:
        data = data[os.write(fd, data) :]

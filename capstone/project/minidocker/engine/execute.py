"""exec: a further process in a running container.

What belongs here: the request to the shim. What does not: joining (the shim's helper), copying (``shimstreams.py``).
"""

from __future__ import annotations

from minidocker import store as s
from minidocker.errors import BadOption, WrongState

from .settle import settle_silent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.store import Row

    from .base import Engine


def request(
    words: tuple[str, ...],
    *,
    env: list[str],
    tty: bool = False,
    workdir: str = "",
    user: str = "",
    privileged: bool = False,
    detach: bool = False,
) -> dict[str, Any]:
    """Return EXEC's JSON (see shim/protocol.py). Raises BadOption for a relative ``workdir``."""
    if workdir and not workdir.startswith("/"):
        raise BadOption("--workdir", workdir, "not an absolute path")
    process: dict[str, Any] = {"terminal": tty, "args": list(words), "env": [e for e in env if "=" in e]}
    if tty:
        process["env"].insert(0, "TERM=xterm")
    if workdir:
        process["cwd"] = workdir
    return {"process": process, "user": user, "group_add": [], "privileged": privileged, "detach": detach}


def not_running(engine: Engine, row: Row) -> WrongState:
    """Settle a container whose shim did not answer, and return the error to raise. Raises DamagedState."""
    if row.state in s.UNSETTLED:
        settle_silent(engine, row)
    return WrongState(f"container {row.name} is not running", hint=f"`minidocker start {row.name}` starts it")

"""Three processes: how a command gets into namespaces, and who is its parent.

A new pid or time namespace takes the next child only, so somebody has to make the namespaces and fork once more; and
the maps of a user namespace are written from outside. All three talk through one pair of sockets:

    cli (nsman)                 child                              init (PID 1 of a new pid namespace)
      │ fork ──────────────────▶│
      │                         │ unshare(CLONE_NEWUSER)
      │◀─────── map ────────────│
      │ writes gid_map, uid_map │
      │──────── mapped ────────▶│
      │                         │ its ids inside, unshare(the rest), clocks
      │                         │ clone(CLONE_PARENT) ────────────▶│
      │ waits for the child     │ exits                            │
      │◀─────── init, with a pidfd of itself ──────────────────────│
      │                                                            │ host name, /proc; dies with cli from here on
      │◀─────── ready ─────────────────────────────────────────────│
      │──────── go ───────────────────────────────────────────────▶│
      │◀─────── (end of file) ─────────────────────────────────────│ execve

Instead of any message from inside there may come ``error:…``. Who dies is never waited for: the last holder of its end
is gone, the other side reads the end of the file, and ends as well. "Go" is the answer to "ready": who has it knows
that cli was alive *after* the death signal was set.

What belongs here: forking, messages, the order of the end. What does not: the steps (``launch.py``), signals
(``foreground.py``).
"""

from __future__ import annotations

import os

from section01_processes import (
    Child,
    ChildFailed,
    Plan,
    Recorder,
    action,
    pid_of,
    recv_message,
    send_message,
    set_death_signal,
    socket_pair,
    spawn,
)

from .core.fork import fork_sibling
from .errors import NamespaceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

MAP, MAPPED, INIT, READY, GO, ERROR = b"map", b"mapped", b"init", b"ready", b"go", b"error:"
_AWAITED = {MAP: "the request for id maps", MAPPED: "the id maps", INIT: "the init", READY: "the init's readiness",
            GO: "the word to go"}  # fmt: skip


class Channel:
    """One process's view of the pair: its own end, and the other one until :meth:`settle` closes it.

    ``records``: where steps are recorded (-1: nowhere); ``crash``: the boundary at which the crash test kills.
    """

    __slots__ = ("_mine", "_theirs", "crash", "records")

    def __init__(self, records: int = -1, crash: str = "") -> None:
        self._mine, self._theirs = socket_pair()
        self.records, self.crash = records, crash

    def recorder(self, process: str) -> Recorder | None:
        """Return the recorder of ``process``, or None when nobody wants records."""
        wanted = self.records >= 0 or self.crash
        return Recorder(self.records, process, self.crash) if wanted else None

    def settle(self, *, inside: bool) -> None:
        """Keep cli's end, or (``inside``) the other; close what is not ours, so that its end can be seen."""
        if self._theirs < 0:
            return
        if inside:
            self._mine, self._theirs = self._theirs, self._mine
        os.close(self._theirs)
        self._theirs = -1

    def send(self, message: bytes, fds: Sequence[int] = ()) -> None:
        """Send one message. Raises NamespaceError when nobody is there any more."""
        try:
            send_message(self._mine, message, fds)
        except (BrokenPipeError, ConnectionResetError):
            raise NamespaceError("the process on the other side has ended") from None

    def expect(self, message: bytes) -> list[int]:
        """Wait for ``message``; return its descriptors. Raises ChildFailed for an error from inside."""
        data, fds = self._receive()
        if data.startswith(ERROR):
            raise unpack_error(data)
        if data != message:
            what = f"{data[:20]!r} came" if data else "the other side ended"
            raise NamespaceError(f"{what} while {_AWAITED[message]} was awaited")
        return fds

    def expect_end(self) -> None:
        """Wait for the end of the file, here the good news that execve(2) closed the other end. Raises ChildFailed."""
        data, _ = self._receive()
        if data:
            raise unpack_error(data)

    def _receive(self) -> tuple[bytes, list[int]]:
        try:
            return recv_message(self._mine)
        except ConnectionResetError:
            return b"", []

    def close(self) -> None:
        """Close what is open; idempotent."""
        for fd in (self._mine, self._theirs):
            if fd >= 0:
                os.close(fd)
        self._mine = self._theirs = -1


def pack_error(error: BaseException) -> bytes:
    """Return ``error`` as a message: errno, exit code, stumbling block, hint, text."""
    known = hasattr(error, "message")
    words = (
        str(getattr(error, "errno", None) or 0),
        str(getattr(error, "exit_code", 125)),
        getattr(error, "explain", ""),
        getattr(error, "hint", ""),
        getattr(error, "message", "") if known else str(error) or type(error).__name__,
    )
    return ERROR + "\0".join(words).encode(errors="surrogateescape")[:60000]


def unpack_error(data: bytes) -> ChildFailed:
    """Return the error that :func:`pack_error` packed, to be raised in the parent."""
    errno, code, explain, hint, text = data[len(ERROR) :].decode(errors="surrogateescape").split("\0", 4)
    error = ChildFailed(text, errno=int(errno), exit_code=int(code))
    error.explain, error.hint = explain, hint
    return error


def become(plan: Plan, channel: Channel) -> NoReturn:
    """Run ``plan`` as the process that was just forked; report an error; never return."""
    code = 125
    try:
        channel.settle(inside=True)
        plan.run({"channel": channel}, channel.recorder(plan.process))
        code = 0
    except BaseException as error:
        code = getattr(error, "exit_code", 125)
        channel.send(pack_error(error))
    finally:
        os._exit(code)


@action("fork(2)")
def fork_child(channel: Channel, plan: Plan) -> Child:
    """Fork the child, which runs ``plan``."""
    child = spawn(lambda: become(plan, channel))
    channel.settle(inside=False)
    return child


@action("clone(2)")
def fork_init(channel: Channel, plan: Plan) -> None:
    """In the child: fork the init, which runs ``plan``, as a child of our own parent (CLONE_PARENT)."""
    if fork_sibling() == 0:
        become(plan, channel)


@action("pidfd_open(2)")
def announce(channel: Channel) -> None:
    """In the init: send a pidfd of ourselves, which means us in every pid namespace."""
    pidfd = os.pidfd_open(os.getpid())
    try:
        channel.send(INIT, [pidfd])
    finally:
        os.close(pidfd)


@action("unix(7)")
def await_init(channel: Channel) -> Child:
    """Wait for the init's pidfd; it is our own child."""
    (pidfd,) = channel.expect(INIT)
    return Child(pid_of(pidfd), pidfd)


@action("waitid(2)")
def reap(child: Child) -> None:
    """Wait for the child, whose work is done."""
    with child:
        child.wait()


@action("unix(7)")
def tell(channel: Channel, message: bytes) -> None:
    """Send a message."""
    channel.send(message)


@action("unix(7)")
def await_message(channel: Channel, message: bytes) -> None:
    """Wait for ``message``; an error that happened on the other side is raised here."""
    channel.expect(message)


@action("PR_SET_PDEATHSIG(2const)")
def die_with_parent() -> None:
    """Be killed when our parent dies. After everything that changes ids or capabilities, which would clear this."""
    set_death_signal(9)


def launch(plans: Mapping[str, Plan], *, records: int = -1, crash: str = "") -> Child:
    """Run the plan of ``cli`` (which forks the others); return the init, the caller's own child, once it has exec'd.

    ``records``: the write end of a pipe for records of all three. The caller must have one thread only. Raises what
    kept the command from being executed (ChildFailed, LcmError, OSError); then nobody is left.
    """
    channel = Channel(records, crash)
    slots: dict[str, Any] = {"channel": channel}
    try:
        plans["cli"].run(slots, channel.recorder("cli"))
        channel.expect_end()
    except BaseException:
        channel.close()  # who still waits for a message, ends
        for name in ("child", "init"):
            if name in slots and slots[name].fileno() >= 0:
                slots[name].signal(9)
                reap(slots[name])
        raise
    finally:
        channel.close()
    init: Child = slots["init"]
    return init

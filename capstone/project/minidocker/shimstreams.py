"""The copying loops of a foreground command: attached to a container, or to a process that ``exec`` started.

What belongs here: moving bytes between the user, the shim and a process. What does not: keys, signals and reads one by
one (``shimterminal.py``), the frames (``shim/protocol.py``), asking the shim for things (``shimclient``).

    status = attach_loop(connection, stdin=0, tty=True)           after wait_started(connection); None: detached
    status = run_exec(folder, request, interactive=True)          request["process"]["terminal"] chooses the pty
"""

from __future__ import annotations

import _socket
import os
import select
from errno import EBADF, EIO, EPIPE

from section01_processes import RawTerminal, get_size, set_size

from .shim import protocol as p
from .shimclient import ShimGone, request_exec
from .shimterminal import (
    DETACH_KEYS,
    FATAL,
    FORWARDED,
    DetachScanner,
    Loop,
    Signals,
    end_command,
    parse_detach_keys,
    read_some,
    readable,
    write_all,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any

    from .shimclient import Connection
else:
    import _signal


class Attached:
    """One attached client: what is typed goes to the shim, what comes is written, until EXIT or the detach keys."""

    __slots__ = ("connection", "done", "loop", "pending", "scanner", "status", "stderr", "stdin", "stdout")

    def __init__(self, connection: Connection, stdin: int, stdout: int, stderr: int, keys: bytes) -> None:
        self.connection = connection
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.scanner = DetachScanner(keys)
        self.loop = Loop()
        self.pending: list[bytes] = []
        self.status: int | None = None
        self.done = False
        self.watch()

    def watch(self) -> None:
        """Watch the socket, for room too while frames wait; and stdin only while none do (-1: it has ended)."""
        room = select.POLLOUT if self.pending else 0
        self.loop.watch(self.connection.fileno(), self.on_socket, select.POLLIN | room)
        if self.stdin >= 0 and not room:
            self.loop.watch(self.stdin, self.on_stdin)
        else:
            self.loop.drop(self.stdin)

    def on_socket(self, events: int) -> None:
        """Write what came, and send what could not be sent before."""
        if events & select.POLLOUT:
            self.flush()
        if not events & ~select.POLLOUT:
            return
        kind, payload, _ = self.connection.receive()
        if kind in {p.OUT, p.ERR}:
            write_all(self.stdout if kind == p.OUT else self.stderr, payload)
        elif kind == p.EXIT:
            self.status, self.done = payload[0], True
        elif kind == 0:
            raise ShimGone("the container's shim died", hint="its shim.log says more")

    def on_stdin(self, _events: int) -> None:
        """Pass on what was typed, or that it has ended."""
        data = read_some(self.stdin)
        if data is None:
            return
        if data:
            data, self.done = self.scanner.feed(data)
            if data:
                self.send(p.frame(p.IN, data))
        else:
            self.loop.drop(self.stdin)
            self.stdin = -1
            self.send(p.frame(p.IN_EOF))

    def send(self, frame: bytes) -> None:
        """Queue a frame and send what goes without waiting."""
        self.pending.append(frame)
        self.flush()

    def flush(self) -> None:
        """Send queued frames as far as the socket has room."""
        try:
            while self.pending:
                self.connection.socket.send(self.pending[0], _socket.MSG_DONTWAIT)
                del self.pending[0]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self.pending.clear()  # what the shim said last is still to be read: EXIT, or the end
        self.watch()

    def run(self) -> int | None:
        """Copy until the end; return the exit status, or None when detached."""
        while not self.done:
            self.loop.turn()
        return self.status


def attach_loop(
    connection: Connection,
    *,
    stdin: int = -1,
    stdout: int = 1,
    stderr: int = 2,
    tty: bool = False,
    detach_keys: str = DETACH_KEYS,
    forward_signals: bool = True,
) -> int | None:
    """Be attached until the process ends (return its status, everything released) or the user detaches (None).

    ``stdin`` -1: nothing is read. With ``tty`` the terminal on ``stdin`` becomes raw, its size is passed on, the
    detach keys work; without it signals go to the container's process 1. Raises ShimGone when the shim dies.
    """
    client = Attached(connection, stdin, stdout, stderr, parse_detach_keys(detach_keys) if tty else b"")

    def forward(number: int, _frame: object) -> None:
        client.send(p.frame(p.SIGNAL, p.SIGNAL_PAYLOAD.pack(number, 0)))

    def resize(_number: int, _frame: object) -> None:
        client.send(p.frame(p.RESIZE, p.RESIZE_PAYLOAD.pack(*get_size(stdin))))

    if tty and stdin >= 0 and os.isatty(stdin):
        with RawTerminal(stdin), Signals({_signal.SIGWINCH: resize, **dict.fromkeys(FATAL, end_command)}):
            resize(0, None)
            status = client.run()
    else:
        with Signals(dict.fromkeys(FORWARDED, forward) if forward_signals and not tty else {}):
            status = client.run()
    if status is not None:
        connection.wait_end()
    return status


def run_exec(
    folder: str,
    request: dict[str, Any],
    *,
    interactive: bool = False,
    stdin: int = 0,
    stdout: int = 1,
    stderr: int = 2,
    detach_keys: str = DETACH_KEYS,
) -> int | None:
    """Run a further process in the container of ``folder``; return its exit status, None when detached.

    ``request`` is EXEC's JSON. Without tty the process gets our descriptors themselves, except that a terminal of the
    host never enters a container: pipes stand in for it. Raises ShimError, ShimGone.
    """
    if request.get("detach"):
        connection, _pid, _ = request_exec(folder, request)
        connection.close()
        return None
    if request["process"].get("terminal"):
        return _exec_tty(folder, request, stdin if interactive else -1, stdout, detach_keys)
    return _exec_plain(folder, request, (stdin if interactive else -1, stdout, stderr))


def _exec_tty(folder: str, request: dict[str, Any], stdin: int, stdout: int, keys: str) -> int | None:
    """Copy between the user's terminal and the master that the shim hands us."""
    connection, _pid, master = request_exec(folder, request)
    copier = ExecCopier(connection, DetachScanner(parse_detach_keys(keys)))
    terminal = stdin >= 0 and os.isatty(stdin)

    def resize(_number: int, _frame: object) -> None:
        set_size(master, *get_size(stdin))

    try:
        copier.copy(master, stdout)
        if stdin >= 0:
            copier.copy(stdin, master, typed=True)
        if not terminal:
            return copier.run()
        with RawTerminal(stdin), Signals({_signal.SIGWINCH: resize, **dict.fromkeys(FATAL, end_command)}):
            resize(0, None)
            return copier.run()
    finally:
        os.close(master)
        connection.close()


def _exec_plain(folder: str, request: dict[str, Any], stdio: tuple[int, int, int]) -> int | None:
    """Hand over our descriptors, pipes for those that are terminals, and copy these until the process ends."""
    given: list[int] = []
    ours: list[tuple[int, int]] = []
    for number, fd in enumerate(stdio):
        if fd < 0:
            given.append(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
        elif os.isatty(fd):
            reader, writer = os.pipe()
            given.append(writer if number else reader)
            ours.append((reader, fd) if number else (fd, writer))
        else:
            given.append(os.dup(fd))
    try:
        connection, _pid, _ = request_exec(folder, request, tuple(given))
    finally:
        for fd in given:
            os.close(fd)
    with connection:
        copier = ExecCopier(connection, DetachScanner(b""))
        for source, target in ours:
            copier.copy(source, target, typed=source == stdio[0])
        return copier.run()


class ExecCopier:
    """Copies between descriptors until the shim says EXIT, then what is left of the output."""

    __slots__ = ("connection", "detached", "loop", "outputs", "scanner", "status")

    def __init__(self, connection: Connection, scanner: DetachScanner) -> None:
        self.connection = connection
        self.scanner = scanner
        self.status: int | None = None
        self.detached = False
        self.outputs: list[int] = []
        self.loop = Loop()
        self.loop.watch(connection.fileno(), self.on_socket)

    def copy(self, source: int, target: int, *, typed: bool = False) -> None:
        """Copy ``source`` to ``target``; ``typed``: input, searched for detach keys, its end closes the target."""

        def move(_events: int) -> None:
            data = read_some(source)
            if data is None:
                return
            if typed and data:
                data, self.detached = self.scanner.feed(data)
            elif not data:
                self.loop.drop(source)
                if typed and not os.isatty(target):
                    os.close(target)
            try:
                write_all(target, data)
            except (BrokenPipeError, OSError) as error:
                if not typed:
                    raise
                if error.errno not in {EPIPE, EIO, EBADF}:
                    raise
                self.loop.drop(source)

        if not typed:
            self.outputs.append(source)
            os.set_blocking(source, False)
        self.loop.watch(source, move)

    def on_socket(self, _events: int) -> None:
        """Take the exit status."""
        kind, payload, _ = self.connection.receive()
        if kind == p.EXIT:
            self.status = payload[0]
        elif kind == 0:
            raise ShimGone("the container's shim died", hint="its shim.log says more")

    def run(self) -> int | None:
        """Copy until the process ends (its status) or the user detaches (None)."""
        while self.status is None and not self.detached:
            self.loop.turn()
        if self.detached:
            return None
        for source in self.outputs:  # a grandchild may keep the other end open: take what is there
            while source in self.loop.handlers and readable(source):
                self.loop.handlers[source](select.POLLIN)
        return self.status

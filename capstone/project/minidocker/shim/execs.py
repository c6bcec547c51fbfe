"""Further processes in a running container (``exec``): a helper that joins, and who waits for what it leaves.

    shim ──fork──▶ helper ──(section 8: exec_process)──▶ the process, inside
      ▲               │ answer: pid + pidfd [+ pty master], or the error
      └───────────────┘ then it exits; the process becomes the shim's (subreaper)

Joining may take time that the container decides (a frozen or overloaded cgroup), so the shim, which has logs to write,
never does it itself. What belongs here: that helper and its answer. What does not: joining (section 8).
"""

from __future__ import annotations

import os

from section01_processes import (
    Child,
    LcmError,
    recv_message,
    send_message,
    socket_pair,
    spawn,
    warn,
)

from . import protocol as p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from section08_oci import Created

    from .clients import Client
    from .loop import Loop
    from .main import Shim


class Exec:
    """One process started by ``exec``, from the request to its exit status."""

    __slots__ = ("_answer", "_child", "_client", "_detached", "_done", "_helper", "_loop", "_lost", "_master")

    def __init__(
        self, client: Client, loop: Loop, join: Callable[[], Created], detached: bool, done: Any, lost: Any
    ) -> None:
        """Fork the helper; ``join()`` runs in it. ``done(self)`` is called in the end; the client is answered.

        ``lost()`` is called when the helper died without an answer: what it had forked is ours now.
        """
        self._client = client
        self._loop = loop
        self._detached = detached
        self._done = done
        self._lost = lost
        self._child: Child | None = None
        self._master = -1
        self._answer, theirs = socket_pair()
        try:
            self._helper = spawn(lambda: help_joining(theirs, join))
        finally:
            os.close(theirs)
        os.set_blocking(self._answer, False)
        loop.watch(self._answer, lambda _events: self.take_answer())

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        if self._child:
            self._child.signal(number)

    def pids(self) -> set[int]:
        """Return the pids of the helper and of the process, as far as they are our children now."""
        return ({self._helper.pid} if self._answer >= 0 else set()) | ({self._child.pid} if self._child else set())

    def take_answer(self) -> None:
        """Take the helper's answer, if it has come, and pass it on to the client."""
        if self._answer < 0:
            return
        try:
            data, fds = recv_message(self._answer)
        except BlockingIOError:
            return
        self._loop.drop(self._answer)
        os.close(self._answer)
        with self._helper:
            self._helper.wait()  # it exits right after its answer; then the process is ours to wait for
        self._answer = -1
        if not fds:
            if not data:
                self._lost()
            self._finish(data or p.error_frame(125, "the helper that joins the container died"))
            return
        self._child = Child(int.from_bytes(data, "little"), fds[0])
        self._loop.watch(fds[0], self._ended)
        self._hand_over(fds[1:])

    def _hand_over(self, masters: list[int]) -> None:
        """Tell the client the pid; a terminal's master goes with it, or stays here, unread, when nobody wants it."""
        assert self._child
        if not self._detached:
            try:
                self._client.send_with(p.STARTED, p.STARTED_PAYLOAD.pack(self._child.pid), masters)
            except OSError:
                self._client.close()
            for fd in masters:
                os.close(fd)
            return
        self._client.push(p.STARTED, p.STARTED_PAYLOAD.pack(self._child.pid))
        for fd in masters:
            self._master = fd
            os.set_blocking(fd, False)
            self._loop.watch(fd, self._discard)

    def _discard(self, _events: int) -> None:
        """Read what a detached process writes to its terminal, so that it never waits for a reader."""
        try:
            if os.read(self._master, p.DATA_MAX):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # EIO: nobody holds the other side any more
        self._loop.drop(self._master)

    def _ended(self, _events: int) -> None:
        """Fetch the status and tell the client."""
        assert self._child
        self._loop.drop(self._child.fileno())
        with self._child:
            status = self._child.wait()
        self._finish(p.frame(p.EXIT, p.EXIT_PAYLOAD.pack(status, 0)))

    def _finish(self, frame: bytes) -> None:
        """Send the last frame; close what is open."""
        self._client.push(frame[0], frame[1:])
        self._client.finish()
        self._done(self)
        if self._master >= 0:
            self._loop.drop(self._master)
            os.close(self._master)
            self._master = -1


def help_joining(answer: int, join: Any) -> int:
    """Be the helper: join, answer with pid, pidfd and perhaps the master, or with an ERROR frame; exit.

    After a failure it waits for every child of ours: a process that failed inside may have ended before we learnt its
    pid. As a zombie it would come to the shim, which does not know it, and the container's process 1 could not end
    before somebody waits for it (pid_namespaces(7): its init waits for all).
    """
    try:
        created = join()
        fds = [created.child.fileno(), *([created.console] if created.console >= 0 else [])]
        send_message(answer, created.pid.to_bytes(4, "little"), fds)
        return 0
    except LcmError as error:
        frame = p.error_frame(error.exit_code, error.message, error.hint, error.explain)
    except Exception as error:
        warn(f"exec: {type(error).__name__}: {error}")
        frame = p.error_frame(125, f"{type(error).__name__}: {error}")
    from section01_processes import reap_all

    reap_all()
    send_message(answer, frame)
    return 0


def start_exec(shim: Shim, client: Client, request: dict[str, Any], fds: list[int]) -> None:
    """Begin EXEC ``request`` of ``client`` with descriptors ``fds`` (none when detached or with a terminal)."""
    terminal, detached = bool(request["process"].get("terminal")), bool(request.get("detach"))
    life = shim.life
    assert life
    null = -1
    if not fds:
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    elif len(fds) != 3:
        raise LcmError("exec needs three descriptors")
    stdio = (fds[0], fds[1], fds[2]) if fds else (null, null, null)

    def join() -> Created:
        from section08_oci import ExecOptions, Target, exec_process

        os.close(shim.lock)
        process = complete_process(shim, request)
        target = Target(life.child.fileno(), life.child.pid, shim.config["cgroup"], shim.spec)
        rows, columns = request.get("size") or (0, 0)
        cache = shim.config.get("seccomp_cache", "")
        return exec_process(
            target,
            process,
            ExecOptions(
                stdio=stdio,
                console_size=(rows, columns),
                seccomp_cache=cache,
                crash=shim.crash.replace("helper:", "shim:") if shim.crash.startswith("helper:") else "",
            ),
        )

    def lost() -> None:
        from .strays import end_strays

        end_strays(shim)

    if not terminal and not detached and not fds:
        raise LcmError("exec without a terminal needs three descriptors")
    try:
        client.exec = Exec(client, shim.loop, join, detached, shim.execs.remove, lost)
        shim.execs.append(client.exec)
    finally:
        if null >= 0:
            os.close(null)


def complete_process(shim: Shim, request: dict[str, Any]) -> dict[str, Any]:
    """Return the OCI process of an EXEC request: the container's own, with what the request says instead."""
    base = shim.spec["process"]
    process = {**base, "terminal": False, **request["process"]}
    env = dict(pair.partition("=")[::2] for pair in base.get("env", ()))
    asked = dict(pair.partition("=")[::2] for pair in request["process"].get("env") or ())
    if request.get("user"):
        from .prepare import resolve_in

        who = resolve_in(os.path.join(shim.folder, "rootfs"), request["user"], request.get("group_add") or [])
        process["user"] = {"uid": who.uid, "gid": who.gid, "additionalGids": who.groups}
        if shim.config.get("home_added"):
            env["HOME"] = who.home
    process["env"] = [f"{name}={value}" for name, value in {**env, **asked}.items()]
    if request.get("privileged"):
        from section07_security import CAPABILITIES

        names = list(CAPABILITIES)
        process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted", "inheritable"), names)
    return process

"""The life of a shim: prepare, then start the container's process, serve it, restart it, until it stays down; release.

What belongs here: that life (:func:`live`), and what clients may ask of a running container. What does not: the steps
(``prepare.py``, ``container.py``, ``release.py``), clients (``clients.py``), streams (``streams.py``).
"""

from __future__ import annotations

import os
import sys
from time import monotonic

from section01_processes import LcmError, Plan, ProcessIdentity, read_json, set_size, warn

from . import protocol as p
from .door import Door
from .life import decide, has_own_pids, start_life, was_oom_killed
from .log import JsonFile, timestamp
from .loop import Loop
from .place import in_user_namespace, plan_place, plan_placed
from .recorder import make_recorder
from .release import finish_network, kill_cgroup, plan_release_life, release, run_all
from .status import Status
from .streams import Input, Log

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any

    from section01_processes import Child, Recorder

    from .clients import Client
    from .execs import Exec
    from .life import Life
else:
    import _signal

SETTLED = 1.0  # seconds: a container that lives so long is worth making its shim small
QUIET = 10.0  # seconds: and again, when it has been quiet for so long
#: A shim is not stopped by signals: a container is stopped through its socket.
IGNORED = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGQUIT, _signal.SIGUSR1, _signal.SIGUSR2)


def live(arguments: dict[str, str]) -> int:
    """Be the shim of one container, from its preparation to its release; return the exit code (nobody reads it)."""
    for number in IGNORED:
        _signal.signal(number, _signal.SIG_IGN)
    os.umask(0o022)
    shim = Shim(arguments)
    try:
        shim.prepare()
        delay: float | None = 0.0
        while delay is not None and shim.rest(delay):
            shim.start()
            shim.serve()
            delay = shim.note_end()
    except BaseException as error:
        shim.fail(error)
    shim.release()
    shim.farewell()
    return 0


class Shim:
    """The state of one container's shim, and what its clients may ask (``clients.Served``)."""

    def __init__(self, arguments: dict[str, str]) -> None:
        """``arguments``: as ``protocol.py`` lists them."""
        self.folder = arguments["folder"]
        self.lock, self.record = int(arguments["lock"]), int(arguments["record"])
        self.crash = arguments["crash"]
        for fd in (self.lock, self.record, int(arguments["control"])):
            if fd >= 0:
                os.set_inheritable(fd, False)
        self.loop = Loop()
        self.door = Door(self.folder, self.loop, self)
        self.stdin = Input(-1, self.loop, self.door.resume)
        self.size = (0, 0)
        self.config: dict[str, Any] = read_json(os.path.join(self.folder, p.SHIM))
        self.spec: dict[str, Any] = read_json(os.path.join(self.folder, p.CONFIG))
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            self.came_from = file.read()
        self.status = Status()
        self.slots: dict[str, Any] = {}
        self.prepared = 0  # number of steps before those of a life
        self.life: Life | None = None
        self.execs: list[Exec] = []
        self.strays: list[Child] = []  # of a helper that was killed: dying
        self.log: Log | None = None
        self.delay: float | None = None
        self.control = int(arguments["control"])
        self.done = int(arguments.get("done", 0))  # steps done before we executed ourselves again
        self.request = self.door.admit_starter(self.control, bytes.fromhex(arguments.get("request", "")))

    # ── the verbs of live() ──────────────────────────────────────────────────────────────────────────────────────────

    def prepare(self) -> None:
        """Take our place: lock, namespace, cgroup; mount the root; find the user; open log and door."""
        slots = self.slots
        steps = plan_place(self.folder, self.config, self.lock)
        if self.config.get("uid_maps") and not self.done:
            inside = in_user_namespace(self.config)
            Plan("shim", steps[:inside]).run(slots, self.recorder(0))
            self.execute_again(inside)
        Plan("shim", steps[self.done :]).run(slots, self.recorder(self.done))
        from .prepare import plan_prepare  # only now: much is loaded while a helper moves us to our cgroup

        further = plan_prepare(self.folder, self.config, self.spec)
        placed = len(plan_placed(self.config))
        self.prepared = len(steps) + len(further)
        Plan("shim", further[: len(further) - placed]).run(slots, self.recorder(len(steps)))
        from .container import plan_between

        plan_between(self.folder, self.config)  # for what it loads
        Plan("shim", further[len(further) - placed :]).run(slots, self.recorder(self.prepared - placed))
        self.status.shim = str(ProcessIdentity.of("self"))
        log = self.config.get("log") or {}
        if log.get("driver", "json-file") == "json-file":
            path = os.path.join(self.folder, p.LOG)
            self.log = Log(JsonFile(path, log.get("max_size", 0), log.get("max_file", 1)))
        self.door.open()

    def recorder(self, first: int) -> Recorder | None:
        """Return a recorder for steps numbered from ``first``."""
        return make_recorder(self.record, "shim", self.crash, first)

    def execute_again(self, done: int) -> None:
        """Execute our program anew, now that ``done`` steps of the plan are done: never returns.

        A process's memory belongs to the user namespace in which it was executed. Only when that is our own do we have
        the right to look at our undumpable children (ptrace(2), "Ptrace access mode checking").
        """
        from section01_processes import execute_again

        keep = [fd for fd in (self.lock, self.record, self.control) if fd >= 0]
        execute_again([f"done={done}", f"request={self.request.hex()}"], keep)

    def rest(self, seconds: float) -> bool:
        """Serve clients for ``seconds`` before the next start; False when the user stopped the container meanwhile."""
        self.loop.run(lambda: self.status.stopped, seconds)
        if self.status.stopped:
            self.status.state = "exited"
            self.status.write(self.folder)
        return not self.status.stopped

    def start(self) -> None:
        """Make the container, open its gate, tell who waits for that. Raises what went wrong; nobody lives then."""
        self.life = start_life(self)
        self.stdin = self.life.stdin
        if not self.door.started(self.life.child.pid) and self.record >= 0:
            os.close(self.record)  # a command that does not stay does not read records either
            self.record = -1

    def serve(self) -> None:
        """Copy streams and answer clients until the process has ended."""
        life = self.life
        assert life
        self.loop.watch(life.child.fileno(), self._process_ended)
        self.loop.run(lambda: life.ended, SETTLED)
        quiet = 0.0
        while not life.ended:
            if self.loop.turn(quiet):
                quiet = QUIET
            else:
                from .memory import slim

                slim()
                quiet = -1  # until something happens, there is nothing more to give back

    def _process_ended(self, _events: int) -> None:
        """Event: the pidfd is readable."""
        assert self.life
        self.loop.drop(self.life.child.fileno())
        self.life.ended = True

    def note_end(self) -> float | None:
        """Fetch the status, drain the output, record it; return after how many seconds to start again (None: never)."""
        life, status = self.life, self.status
        assert life
        status.exit_code = life.child.wait()
        if not has_own_pids(self.spec):  # what else lives there would keep the pipes open
            kill_cgroup(self.config["cgroup"])
        for output in life.outputs:
            output.drain()
        status.oom_killed = was_oom_killed(self.config["cgroup"])
        status.finished, status.pid, status.identity = timestamp(), 0, ""
        self.delay = decide(self.config, status, monotonic() - life.began, self.delay)
        status.state = "exited" if self.delay is None else "restarting"
        status.restarts += self.delay is not None
        status.write(self.folder)
        flags = (p.EXIT_OOM_KILLED if status.oom_killed else 0) | (0 if self.delay is None else p.EXIT_RESTARTING)
        self.door.ended(status.exit_code, flags)
        if self.delay is not None:
            run_all(Plan("release", plan_release_life(self.folder, self.config["id"], self.config)))
        life.close()
        self.life = None
        return self.delay

    def fail(self, error: BaseException) -> None:
        """Record and tell why the container could not start (or why its shim cannot go on)."""
        explain(error)
        if "mover" in self.slots:
            self.slots["mover"].wait()  # or it would move us while we leave
        code = getattr(error, "exit_code", 125)
        text = error.message if isinstance(error, LcmError) else f"{type(error).__name__}: {error}"
        frame = p.error_frame(code, text, getattr(error, "hint", ""), getattr(error, "explain", ""))
        status = self.status
        status.error, status.exit_code, status.pid, status.identity = str(error), code, 0, ""
        status.state = "created" if status.started == p.ZERO_TIME else "exited"
        try:
            status.write(self.folder)
        except OSError as further:
            warn(f"status.json: {further}")
        self.door.failed(frame)
        if self.life:
            self.life.child.signal(_signal.SIGKILL)
            self.life.child.wait()

    def release(self) -> None:
        """Take back everything outside; an error is for the next command, which finds the lock free and heals."""
        self.door.close()
        try:
            release(
                self.folder,
                self.config["id"],
                remove=bool(self.config.get("auto_remove")),
                by_shim=self.came_from,
                later=self.later,
                record_fd=self.record,
                crash=self.crash,
            )
        except Exception as error:
            explain(error)
        if self.life:
            self.life.close()
            self.life = None

    @property
    def later(self) -> bool:
        """Whether links are removed after the clients have gone; who wants to see every step waits for all of them."""
        return self.record < 0 and not self.crash and self.config["network"]["mode"] == "bridge"

    def farewell(self) -> None:
        """Free the lock; remove the links that nobody waits for; stay until the last client has taken its own."""
        later = self.later
        if self.log:
            self.log.close()
        os.close(self.lock)
        if self.record >= 0:
            os.close(self.record)
        self.loop.run(lambda: not self.execs and not self.strays, 5.0)  # their processes died with the container
        self.door.ended(self.status.exit_code, 0)  # who asked to wait while we were releasing, or between two lives
        self.door.dismiss()
        if later:
            try:
                finish_network(self.folder, self.config)
            except Exception as error:  # the next commands find it undone
                explain(error)
        self.loop.run(lambda: not self.door.clients)

    # ── what clients ask ─────────────────────────────────────────────────────────────────────────────────────────────

    def check_running(self) -> None:
        """Raise LcmError unless the container's process runs."""
        if self.life is None or self.life.ended:
            raise LcmError(f"container {self.config['id'][:12]} is not running")

    def signal(self, number: int, stop: bool) -> None:
        """Signal process 1; ``stop``: and do not start it again. Between two lives a stop needs no signal."""
        self.status.stopped = self.status.stopped or stop
        if stop and self.status.state == "restarting":
            return
        self.check_running()
        assert self.life
        try:
            self.life.child.signal(number)
        except OSError as error:
            raise LcmError(f"cannot send signal {number}: {error.strerror}") from None

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of the container's terminal; before the start it is what the terminal begins with."""
        if not rows or not columns:
            return
        self.size = (rows, columns)
        if self.life and self.life.console >= 0:
            set_size(self.life.console, rows, columns)

    def stdin_ended(self) -> None:
        """Note that a client's stdin has ended, or it left: with ``stdin_once`` the container's ends too."""
        if self.config.get("stdin_once") and not self.config.get("tty"):
            self.stdin.end()

    def exec(self, client: Client, request: dict[str, Any], fds: list[int]) -> None:
        """Start a further process; the answer comes when it has been joined to the container."""
        from .execs import start_exec

        self.check_running()
        start_exec(self, client, request, fds)


def explain(error: BaseException) -> None:
    """Write an error with its notes (and, if nobody foresaw it, its traceback) to shim.log."""
    if isinstance(error, (LcmError, OSError)):
        warn("\n  ".join([str(error), *getattr(error, "__notes__", ())]))
    else:
        sys.excepthook(type(error), error, error.__traceback__)

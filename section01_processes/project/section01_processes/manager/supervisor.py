"""The supervisor: one small process per detached process, its parent and its keeper until it has ended for good.

Own session, one thread, asleep in poll(2) unless something happens: a signal (signalfd), the process's end (pidfd), its
output (pipe or terminal), somebody at the door (socket), the time to start it again. It writes the log, restarts by
policy, reaps orphans (it is their subreaper), and records each transition in ``state.json`` by rename. It holds the
flock ``lock`` as long as it lives: that is how everybody else sees that it does.

What belongs here: that life. What does not: how the parts work (``loop``, ``streams``, ``logfile``, ``door``).
"""

from __future__ import annotations

import os
from time import monotonic, time

from .._syscalls import open_signalfd, set_name, set_subreaper
from ..core.plan import Plan, Recorder
from ..core.spawn import Child, spawn
from ..errors import LcmError
from ..files import format_json
from ..handle import await_gone, in_session, signal_all
from ..identity import ProcessIdentity
from ..pty import set_size
from ..signals import signal_name
from ..warning import warn
from . import door as d
from .logfile import LogFile
from .loop import Loop
from .place import LOG, SOCKET, SPEC, STATE
from .policy import Policy, check_transition, next_delay
from .program import plan_process
from .record import Spec, Status
from .streams import Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal

#: Sent to the supervisor, they end both: the process gets the same signal and is not started again.
ENDING = (_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM)
HEARD = (*ENDING, _signal.SIGCHLD)
SIGINFO_SIZE = 128
AGAIN = 5.0  # seconds: how often a full disk is asked to take the state
FAREWELL = 2.0  # seconds in which the attached may take the last output


def supervise(arguments: dict[str, str]) -> int:
    """Keep the process in ``folder=`` until it has ended for good.

    ``ready=FD``: gets one JSON object when it has been started, or could not be; ``record=FD``: records of its plan, or
    -1. The lock is a further descriptor, inherited, which we only keep. Returns the exit code.
    """
    folder, ready, record = arguments["folder"], int(arguments["ready"]), int(arguments["record"])
    set_name(f"procman:{os.path.basename(folder)}")
    set_subreaper()
    for fd in (ready, record, int(arguments["lock"])):
        if fd >= 0:
            os.set_inheritable(fd, False)
    try:
        keeper = Supervisor(folder, record)
        keeper.begin()
        answer = {"pid": keeper.pid, "error": ""}
    except (LcmError, OSError) as error:
        answer = {"error": str(error), "exit_code": getattr(error, "exit_code", 125)}
    os.write(ready, format_json(answer).encode()[:4096])
    os.close(ready)
    if not answer["error"]:
        keeper.serve()
    return 0


class Supervisor:
    """The life of one named process."""

    __slots__ = ("_began", "_child", "_door", "_due", "_finished", "_folder", "_log", "_loop", "_policy", "_record",
                 "_retry", "_signals", "_size", "_spec", "_status", "_streams", "_unrecorded")  # fmt: skip

    def __init__(self, folder: str, record: int = -1) -> None:
        self._folder = folder
        self._record = record
        self._spec = Spec.read(os.path.join(folder, SPEC))
        self._size = self._spec.size
        self._policy = Policy.parse(self._spec.restart)
        self._status = Status(supervisor=str(ProcessIdentity.of()))
        self._child: Child | None = None
        self._streams: Streams | None = None
        self._due = self._began = self._retry = 0.0
        self._finished = self._unrecorded = False
        self._loop = Loop()
        self._log = LogFile(self._spec.log or os.path.join(folder, LOG), self._spec.log_size, self._spec.log_files)
        _signal.pthread_sigmask(_signal.SIG_BLOCK, HEARD)
        self._signals = open_signalfd(HEARD)
        self._loop.watch(self._signals, self._signalled)
        self._door = d.Door(os.path.join(folder, SOCKET), self._loop, self._asked)

    @property
    def pid(self) -> int:
        """The process's pid; 0 when there is none at the moment."""
        return self._child.pid if self._child else 0

    def begin(self) -> None:
        """Start the process for the first time. Raises LcmError, OSError: then there is nothing to keep."""
        self._start()
        if self._record >= 0:  # whoever reads the records waits for the last writer
            os.close(self._record)
            self._record = -1

    def serve(self) -> None:
        """Keep it until it has ended for good and that is recorded."""
        while not (self._finished and not self._unrecorded):
            self._loop.turn(self._patience())
            if self._due and monotonic() >= self._due:
                self._due = 0.0
                self._start_again()
            elif self._unrecorded and monotonic() >= self._retry:
                self._write_status()
        farewell = monotonic() + FAREWELL
        while self._door.busy() and monotonic() < farewell:
            self._loop.turn(FAREWELL)
        self._log.close()

    def _patience(self) -> float | None:
        """Return how long we may sleep."""
        if self._due:
            return max(0.0, self._due - monotonic())
        return AGAIN if self._unrecorded else None

    def _start(self) -> None:
        """Start the process, record it, wait for its end. Raises LcmError, OSError."""
        streams = Streams(self._loop, self._output, self._spec.pty, self._size)
        streams.paused = self._door.pause
        plan = Plan("child", plan_process(self._folder, self._spec, streams.terminal, streams.stdio))
        recorder = Recorder(self._record, "child") if self._record >= 0 else None

        def run() -> None:
            plan.run({}, recorder)

        try:
            self._child = spawn(run, report=True)
        except BaseException:
            streams.close()
            raise
        self._streams = streams
        self._began = monotonic()
        self._loop.watch(self._child.pidfd, self._ended)
        self._move("running", error="")

    def _start_again(self) -> None:
        """Start it after its delay; what cannot be started has failed."""
        self._status.restarts += 1
        try:
            self._start()
        except (LcmError, OSError) as error:
            warn(f"cannot start it again: {error}")
            self._status.error = str(error)
            self._decide(getattr(error, "exit_code", 125), 0.0)

    def _ended(self) -> None:
        """Event: the process has ended. As long as it is a zombie its number is its own: end the rest of its session.

        Then take what it has written, reap it, decide.
        """
        assert self._child
        assert self._streams
        killed = signal_all(_signal.SIGKILL, in_session(self._child.pid), self._child)
        self._streams.drain()
        self._streams.close()
        self._streams = None
        self._loop.drop(self._child.pidfd)
        code = self._child.wait()
        self._child.close()
        self._child = None
        self._door.pause(False)
        for pid in killed:
            await_gone(pid)
        self._reap_orphans()
        self._decide(code, monotonic() - self._began)

    def _decide(self, code: int, uptime: float) -> None:
        """Let it rest, or plan its next start."""
        if self._status.stopped or not self._policy.wants(code, self._status.restarts):
            self._finish(code)
            return
        delay = next_delay(uptime, self._status.delay)
        self._due = monotonic() + delay
        self._move("restarting", exit_code=code, delay=delay)

    def _finish(self, code: int | None) -> None:
        """Record that it has ended for good, and tell the attached."""
        self._due = 0.0
        self._finished = True
        self._move("exited", exit_code=code, delay=0.0)
        for client in [c for c in self._door.clients.values() if c.attached]:
            self._door.send(client, d.EXIT + bytes([code or 0]))

    def _stop(self, number: int) -> None:
        """Start it no more; send it a signal, unless that is 0."""
        self._status.stopped = True
        if self._child:
            self._write_status()
            if number:
                self._child.signal(number)
        elif not self._finished:
            self._finish(self._status.exit_code)

    def _signalled(self) -> None:
        """Event: a signal for us."""
        number = os.read(self._signals, SIGINFO_SIZE)[0]
        if number == _signal.SIGCHLD:
            self._reap_orphans()
            return
        warn(f"{signal_name(number)}: passed on; the process is not started again")
        self._stop(number)

    def _reap_orphans(self) -> None:
        """Wait for the dead among the process's orphans, which are our children: we are their subreaper.

        In a loop, for signals coalesce (LCM-PROC-02); the process itself is left to ``_ended``.
        """
        try:
            while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if dead.si_pid == self.pid:
                    return
                os.waitid(os.P_PID, dead.si_pid, os.WEXITED)
        except ChildProcessError:
            return

    def _output(self, data: bytes) -> None:
        """Event: the process has written."""
        self._log.write(data)
        self._door.output(data)

    def _asked(self, client: d.Client, kind: bytes, payload: bytes) -> None:
        """Event: a message from a command (``door.py`` has the table)."""
        if kind == d.STOP and len(payload) == 1:
            self._stop(payload[0])
            self._door.send(client, d.OK)
        elif kind in (d.ATTACH, d.WINDOW_SIZE) and len(payload) == d.WINDOW.size:
            self._attach(client, kind, payload)
        elif kind == d.INPUT and client.attached:
            if self._streams:
                self._streams.write(payload)
        else:
            self._door.send(client, d.ERROR + b"the supervisor does not know this request")

    def _attach(self, client: d.Client, kind: bytes, payload: bytes) -> None:
        """Show a command the terminal, in the size of its own window (0: it has none)."""
        if not self._spec.pty:
            self._door.send(client, d.ERROR + b"it has no terminal")
            return
        client.attached |= kind == d.ATTACH
        size = list(d.WINDOW.unpack(payload))
        if all(size):
            self._size = size
            if self._streams:
                set_size(self._streams.fd, *size)

    def _move(self, state: str, **changes: object) -> None:
        """Go to ``state``, and record it."""
        check_transition(self._folder, self._status.state, state)
        self._status.state = state
        for name, value in changes.items():
            setattr(self._status, name, value)
        self._write_status()

    def _write_status(self) -> None:
        """Record how it stands; when the disk does not take it, again later: we do not go before it has."""
        self._status.changed = time()
        try:
            self._status.write(os.path.join(self._folder, STATE))
            self._unrecorded = False
        except OSError as error:
            if not self._unrecorded:
                warn(f"cannot record the state: {error}")
            self._unrecorded = True
            self._retry = monotonic() + AGAIN

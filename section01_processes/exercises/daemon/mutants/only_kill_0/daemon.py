"""Start a program as a daemon, and return when it is ready.

daemon.py PIDFILE COMMAND ARG…
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
from typing import NoReturn

READY_FD = 3


def start(pid_file: str, command: list[str]) -> int:
    """Start ``command`` as a daemon; return 0 when it is ready, else the exit code that says why it is not."""
    pid_file = os.path.abspath(pid_file)  # the daemon changes its directory
    lock = os.open(pid_file + ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.flock(lock, fcntl.LOCK_EX)  # from here to our end nobody else starts one
    running = pid_if_running(pid_file)
    if running:
        print(f"daemon: error: already running, pid {running}", file=sys.stderr)
        return 1
    reader, writer = os.pipe()
    middle = os.fork()
    if middle == 0:
        leave_home(pid_file, command, writer)
    os.close(writer)  # else the pipe would never end
    os.waitpid(middle, 0)
    with open(reader, encoding="utf-8") as pipe:
        answer = pipe.readline()
    if answer == "\n":
        return 0
    if os.path.exists(pid_file):
        os.unlink(pid_file)
    code, _, message = answer.partition(" ")
    print(f"daemon: error: {command[0]}: {message or 'ended before it was ready'}", file=sys.stderr)
    return int(code or 1)


def leave_home(pid_file: str, command: list[str], ready: int) -> NoReturn:
    """In the first child: leave the session, and make the second child, which is the daemon."""
    try:
        os.setsid()  # a new session without terminal, but we lead it: a terminal that we opened would be ours
        if os.fork() == 0:
            become_daemon(pid_file, command, ready)
    finally:
        os._exit(0)


def become_daemon(pid_file: str, command: list[str], ready: int) -> NoReturn:
    """In the second child: keep nothing of the starter, write the pid file, be ``command``."""
    try:
        os.chdir("/")
        os.umask(0o027)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(ready, READY_FD)
        os.set_inheritable(READY_FD, True)  # dup2 onto itself would have left it close-on-exec
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.closerange(READY_FD + 1, os.sysconf("SC_OPEN_MAX"))
        write_pid_file(pid_file)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        os.execvp(command[0], command)
    except OSError as error:
        code = 127 if isinstance(error, FileNotFoundError) else 126
        os.write(READY_FD, f"{code} {error.strerror}".encode())  # no newline: not ready
    finally:
        os._exit(1)


def start_time(pid: int) -> str:
    """Return when ``pid`` was started, in clock ticks since boot; "" if it has ended. Field 22 of /proc/PID/stat."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]


def write_pid_file(path: str) -> None:
    """Write the caller's pid and start time, complete or not at all: a reader sees the old file or the new one."""
    pid = os.getpid()
    with open(f"{path}.{pid}", "w", encoding="ascii") as file:
        file.write(f"{pid} {start_time(pid)}\n")
    os.rename(file.name, path)


def pid_if_running(path: str) -> int:
    """Return the pid in the file ``path`` if that very process runs, else 0."""
    try:
        with open(path, encoding="ascii") as file:
            pid = int(file.read().split()[0])
        os.kill(pid, 0)
    except (OSError, ValueError, IndexError):  # none, or not one of ours
        return 0
    return pid


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: daemon.py PIDFILE COMMAND ARG...")
    sys.exit(start(sys.argv[1], sys.argv[2:]))

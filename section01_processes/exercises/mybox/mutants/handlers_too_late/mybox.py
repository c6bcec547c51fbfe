"""mybox: a container runtime that grows. Step one: run a program, pass signals on, end as it ends.

mybox.py run [OPTIONS] -- COMMAND ARG…
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from typing import NoReturn

#: What mybox passes on to the program. SIGKILL and SIGSTOP can be caught by nobody.
PASSED_ON = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}


def run(command: list[str]) -> int:
    """Run ``command``; return its exit code, or 128 + n when signal n ended it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # whoever started us may have ignored it: then children just vanish
    pid = os.fork()
    if pid == 0:
        become(command)
    time.sleep(1)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(pid, number))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


def become(command: list[str]) -> NoReturn:
    """In the child: be ``command``. Never returns: the code after the fork is the parent's."""
    code = 126
    try:
        last_mile()
        os.execvp(command[0], command)
    except OSError as error:
        code = 127 if isinstance(error, (FileNotFoundError, NotADirectoryError)) else 126
        print(f"mybox: error: {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
    finally:
        os._exit(code)


def last_mile() -> None:
    """Undo what execve would keep: ignored signals, the signal mask, open descriptors."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def main(words: list[str]) -> int:
    """Parse the arguments, do what they say, return the exit code."""
    bar = words.index("--") if "--" in words else len(words)
    ours, command = words[:bar], words[bar + 1 :]  # what follows the first -- belongs to the program, word by word
    parser = argparse.ArgumentParser(prog="mybox")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("run", usage="mybox run [OPTIONS] -- COMMAND [ARG...]")
    _, unknown = parser.parse_known_args(ours)
    if unknown or not command:
        parser.error(f"run: no command after --; write: mybox run -- {' '.join(unknown) or 'COMMAND'}")
    return run(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

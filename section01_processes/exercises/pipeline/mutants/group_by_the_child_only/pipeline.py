"""Run programs as one pipeline.

pipeline.py [--pipefail] COMMAND ARG… ['|' COMMAND ARG…]…
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import NoReturn


def parse(words: list[str]) -> tuple[bool, list[list[str]]]:
    """Return whether --pipefail stands first, and the stages: lists of words between the bars."""
    pipefail = words[:1] == ["--pipefail"]
    stages: list[list[str]] = [[]]
    for word in words[pipefail:]:
        if word == "|":
            stages.append([])
        else:
            stages[-1].append(word)
    if not all(stages):
        sys.exit("usage: pipeline.py [--pipefail] COMMAND ARG... ['|' COMMAND ARG...]...")
    return pipefail, stages


def become(argv: list[str], stdin: int, stdout: int, group: int) -> NoReturn:
    """In the child: be this stage. Never returns, whatever fails: the code after the fork is the parent's."""
    code = 126
    try:
        os.setpgid(0, group)
        os.dup2(stdin, 0)  # dup2's copies survive the exec; the originals are close-on-exec, as all that Python opens
        os.dup2(stdout, 1)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and execve would keep that
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execvp(argv[0], argv)
    except OSError as error:
        code = 127 if isinstance(error, FileNotFoundError) else 126
        os.write(2, f"pipeline: {argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(code)


def start(argv: list[str], stdin: int, stdout: int, group: int) -> int:
    """Start one stage in ``group`` (0: a group of its own); return its pid."""
    pid = os.fork()
    if pid == 0:
        become(argv, stdin, stdout, group)
    time.sleep(0.2)  # meanwhile the stage makes its group, or joins it
    return pid


def run(stages: list[list[str]]) -> list[int]:
    """Start all stages, then wait for all; return their exit codes."""
    pids: list[int] = []
    stdin = 0
    for argv in stages:
        reader, stdout = os.pipe() if argv is not stages[-1] else (0, 1)
        pids.append(start(argv, stdin, stdout, pids[0] if pids else 0))
        # A pipe ends for its reader when the last writer closes it, and for its writer when the last reader does.
        # We are neither, so we keep none of the ends.
        if stdin != 0:
            os.close(stdin)
        if stdout != 1:
            os.close(stdout)
        stdin = reader
    return [exit_code(os.waitpid(pid, 0)[1]) for pid in pids]


def exit_code(status: int) -> int:
    """Return what a shell shows for a wait status: the exit code, or 128 + n for signal n."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main() -> int:
    """Run the pipeline; return its exit code."""
    pipefail, stages = parse(sys.argv[1:])
    codes = run(stages)
    failed = [code for code in codes if code != 0]
    return failed[-1] if pipefail and failed else codes[-1]


if __name__ == "__main__":
    sys.exit(main())

"""Start a command in a session of its own, and SIGKILL the whole process group in the middle. Run as root.

    python3 halfway.py USER FOLDER UNTIL COMMAND

UNTIL says when: ``prints=TEXT`` its output holds TEXT; ``process=TEXT`` a process is there whose command line or
environment holds TEXT; ``file=PATTERN`` such a file is there. Those that were there before do not count.
Exit status 0 when it was killed there, 1 when it ended before.
"""

from __future__ import annotations

import glob
import os
import select
import signal
import subprocess
import sys
import time

LONGEST = 300.0


def look(until: str) -> set[str]:
    """Return the files, or the processes, that UNTIL speaks of and that are there now."""
    what, _, text = until.partition("=")
    if what == "file":
        return set(glob.glob(text))
    found = set()
    for path in (*glob.glob("/proc/[0-9]*/cmdline"), *glob.glob("/proc/[0-9]*/environ")) if what == "process" else ():
        try:
            with open(path, "rb") as file:
                content = file.read().replace(b"\0", b" ")
        except OSError:
            continue
        if text.encode() in content and b"halfway.py" not in content:
            found.add(path.split("/")[2])
    return found


def main() -> int:
    """Do it."""
    user, folder, until, command = sys.argv[1:]
    before = look(until)
    words = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--reset-env", "bash", "-c",
             f"cd {folder}; exec {command}"]  # fmt: skip
    running = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               start_new_session=True, env={"PATH": os.environ["PATH"], "TERM": "xterm"})  # fmt: skip
    assert running.stdout
    shown, end = b"", time.monotonic() + LONGEST
    os.set_blocking(running.stdout.fileno(), False)
    while not (look(until) - before or (until.startswith("prints=") and until[7:].encode() in shown)):
        if running.poll() is not None or time.monotonic() > end:
            print(f"it ended, or {LONGEST:g} s passed, before {until!r}:\n{shown.decode(errors='replace')[-1500:]}")
            return 1
        if select.select([running.stdout], [], [], 0.02)[0]:
            shown += running.stdout.read() or b""
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    print(f"killed at {until!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

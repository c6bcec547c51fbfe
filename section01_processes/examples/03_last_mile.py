"""What execve keeps: a shell pipeline started from Python is not ended by SIGPIPE, unless somebody resets it.

Run: ./course run python section01_processes/examples/03_last_mile.py
Needs: nothing, no root.
You should see: with a plain execve: `SIGPIPE SIGXFSZ ignored`, and `after the last mile: nothing` ignored.
"""

import os
import signal

from section01_processes import exec_program, signal_name, spawn

# Ignored in what some shells start in the background; not what this is about.
for inherited in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(inherited, signal.SIG_DFL)
PROGRAM = ["/bin/grep", "SigIgn", "/proc/self/status"]


def answer(run):
    reader, writer = os.pipe()

    def child():
        os.dup2(writer, 1)
        run()

    with spawn(child) as process:
        os.close(writer)
        with open(reader) as pipe:
            mask = int(pipe.read().split()[1], 16)
        process.wait()
    names = [signal_name(number) for number in range(1, 65) if mask >> (number - 1) & 1]
    return " ".join(names) or "nothing"


print("with a plain execve:", answer(lambda: os.execve(PROGRAM[0], PROGRAM, {})), "ignored")
print("after the last mile:", answer(lambda: exec_program(PROGRAM, [])), "ignored")

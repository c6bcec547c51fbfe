"""Once more, with other shapes: what cannot be started, arguments, signals, and a mybox with a bad inheritance."""

import json
import os
import resource
import signal
from pathlib import Path

from courseware.exercises import points

# Write the arguments into a file.
ECHO = """
import json, os, sys
with open(os.path.dirname(os.path.abspath(sys.argv[0])) + "/words", "w") as file:
    json.dump(sys.argv[1:], file)
"""

# Note each signal in a file; end with a code when a file `end` is there. With SIGTERM it does not end.
LISTENER = """
import os, signal, sys, time
folder, code = os.path.dirname(os.path.abspath(sys.argv[0])), int(sys.argv[1])

def note(number, frame):
    with open(folder + "/log", "a") as file:
        file.write(f"{number}\\n")

for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, note)
open(folder + "/ready", "w").close()
while not os.path.exists(folder + "/end"):
    time.sleep(0.02)
os._exit(code)
"""

# Become another mybox, started as the first one was, with an inheritance: descriptors, blocked and ignored signals.
DIRTY = """
import os, resource, signal, sys
folder = os.path.dirname(os.path.abspath(sys.argv[0]))
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # else 1023 is the highest descriptor of most users
with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:
    words = file.read().split(bytes(1))[:-1]
start = words[: words.index(b"run")]
secret = os.open(folder + "/secret", os.O_RDONLY)
for number in map(int, sys.argv[1].split(",")):
    os.dup2(secret, number, inheritable=True)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(os.readlink(f"/proc/{os.getppid()}/exe"), [*start, b"run", b"--", b"cat"])
"""


# Become another mybox, which gets a signal in the first moment of its child's life, before fork returns in it.
EARLY = """
import os, sys
with open(f"/proc/{os.getppid()}/cmdline", "rb") as file:
    words = os.fsdecode(file.read()).split(chr(0))[:-1]
*python, mybox = words[: words.index("run")]
source = '''
import os, runpy, sys
number, sys.argv = int(sys.argv[1]), sys.argv[2:]
def in_parent():
    open("forked", "w").close()
    os.kill(os.getpid(), number)

os.register_at_fork(after_in_parent=in_parent)
runpy.run_path(sys.argv[0], run_name="__main__")
'''
os.execv(os.readlink(f"/proc/{os.getppid()}/exe"), [*python, "-c", source, sys.argv[1], mybox, "run", "--", "cat"])
"""


def highest(nonce):
    """Return the number of a descriptor that is as high as the limit allows, or 2000 and more, which is high enough."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    top = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    return min(nonce.integer(2000, 4000), top - 1)


def state(pid):
    """Return the state of a process: a letter, Z when it has ended."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]


def noted(box):
    """Return the signals that the listener has noted."""
    log = box.folder / "log"
    return [signal.Signals(int(line)).name for line in log.read_text(encoding="ascii").split()] if log.exists() else []


def first_moment(box, running, number):
    """Assert that a mybox which got signal `number` before its fork returned has passed it on to its program, cat."""
    box.wait_for(lambda: state(running.pid) == "Z", seconds=5,
                 what=f"{number.name}, sent to mybox before fork had returned, ends program and mybox")  # fmt: skip
    assert (box.folder / "forked").exists(), (
        "mybox was to start a program, which is a second mybox; that one has not come to its os.fork. Look first at "
        "the tests that start a program and expect its exit status"
    )
    left = [stat.comm for stat in box.processes() if stat.state != "Z"]
    assert not left, (
        f"mybox got {number.name} in the first moment of its child's life, before fork had returned in mybox. The "
        f"signal ended mybox, and never reached the program, which still runs: {left}. What is installed after the "
        "fork is too late; a signal that is blocked before the fork waits."
    )


@points(1, part="status", explain="LCM-PROC-07")
def test_more_that_cannot_be_started(box, nonce):
    absent, locked, folder = (f"./{nonce.word(8)}" for _ in range(3))
    (box.folder / locked).write_text("#!/bin/sh\n", encoding="ascii")
    os.chmod(box.folder / locked, 0o644)
    (box.folder / folder).mkdir()
    cases = [(absent, 127, "is not there"), (nonce.word(12), 127, "is not in PATH"),
             (locked, 126, "may not be executed"), (folder, 126, "is a folder")]  # fmt: skip
    for program, wanted, why in cases:
        ran = box.run("run", "--", program)
        assert ran.how == f"exit status {wanted}", f"{program} {why}: expected exit status {wanted}, got {ran.how}"
        assert ran.err.strip(), f"{program} {why}: a message on standard error was expected"


@points(1, part="status")
def test_other_words_arrive_unchanged(box, nonce):
    words = [nonce.word(), "--", "", "-x", "--help", f"{nonce.word(3)}  {nonce.word(3)}", "*", "run", "é$HOME"]
    words = nonce.shuffled(words)
    ran = box.run("run", "--", box.probe("echo", ECHO), *words)
    file = box.folder / "words"
    got = json.loads(file.read_text(encoding="utf-8")) if file.exists() else f"nothing, mybox ended with {ran.how}"
    assert got == words, f"the command's words were {words}; the program got {got}"


@points(1, part="signals", explain="LCM-PROC-11")
def test_each_signal_in_another_order(box, nonce):
    code = nonce.integer(1, 120)
    running = box.start("run", "--", box.probe("listener", LISTENER), str(code))
    box.wait_for((box.folder / "ready").exists, what="the program runs")
    sent = []
    for number in nonce.shuffled([signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2]):
        running.signal(number)
        sent.append(number.name)
        box.wait_for(lambda: len(noted(box)) >= len(sent), seconds=5,
                     what=f"the program gets {number.name}, which was sent to mybox")  # fmt: skip
    assert noted(box) == sent, f"sent to mybox: {sent}; the program noted: {noted(box)}"
    (box.folder / "end").touch()
    ran = running.wait()
    assert ran.how == f"exit status {code}", f"the program ended with exit code {code}, mybox with {ran.how}"


@points(1, part="signals", explain="LCM-PROC-11")
def test_another_signal_in_the_first_moment(box, nonce):
    number = nonce.choice([signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR2])
    running = box.start("run", "--", box.probe("early", EARLY), str(int(number)))
    first_moment(box, running, number)


@points(1, part="last mile", explain="LCM-PROC-10")
def test_a_bad_inheritance_ends_here(box, nonce):
    (box.folder / "secret").write_bytes(nonce.data(16))
    leaked = sorted({nonce.integer(3, 9), nonce.integer(10, 99), nonce.integer(100, 250), highest(nonce)})
    running = box.start("run", "--", box.probe("dirty", DIRTY), ",".join(map(str, leaked)))
    found = []

    def it_runs():  # asleep: it reads its input; before that the dynamic linker has files open
        found[:] = [stat.pid for stat in running.descendants() if stat.comm == "cat" and stat.state == "S"]
        return found

    box.wait_for(it_runs, what="the program, cat, is a descendant of the second mybox")
    fds = sorted(map(int, os.listdir(f"/proc/{found[0]}/fd")))
    assert fds == [0, 1, 2], (
        f"mybox was started with the descriptors {leaked} open; the program must have 0, 1 and 2 only, "
        f"/proc/PID/fd shows {fds}"
    )
    lines = Path(f"/proc/{found[0]}/status").read_text(encoding="utf-8").splitlines()
    sets = {line.split(":")[0]: line.split()[1].lstrip("0") for line in lines if line.startswith(("SigBlk", "SigIgn"))}
    assert sets == {"SigBlk": "", "SigIgn": ""}, (
        f"mybox was started with SIGTERM and USR1 blocked, SIGHUP and SIGCHLD ignored; in the program both sets "
        f"must be empty: {sets}"
    )
    running.close_stdin()
    ran = running.wait(seconds=8)
    assert ran.how == "exit status 0", (
        f"mybox was started with SIGCHLD ignored, its program ended with 0: {ran.how}. Who ignores SIGCHLD gets no "
        "zombie: the kernel reaps the child, and wait finds none (ECHILD). Set it to its default before the fork."
    )

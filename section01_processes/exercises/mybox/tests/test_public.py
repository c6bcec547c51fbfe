"""How mybox ends, whether signals arrive, and what the program is given: wait statuses and /proc/PID."""

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


def noted(box):
    """Return the signals that the listener has noted."""
    log = box.folder / "log"
    return [signal.Signals(int(line)).name for line in log.read_text(encoding="ascii").split()] if log.exists() else []


def status(pid):
    """Return the signal sets of /proc/PID/status by name, as numbers."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    return {
        line.split(":")[0]: int(line.split()[1], 16) for line in lines if line.startswith("Sig") and "/" not in line
    }


def highest(nonce):
    """Return the number of a descriptor that is as high as the limit allows, or 2000 and more, which is high enough."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    top = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    return min(nonce.integer(2000, 4000), top - 1)


def state(pid):
    """Return the state of a process: a letter, Z when it has ended."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]


def names(mask):
    """Return the names of the signals in `mask`."""
    return [signal.Signals(n).name if n < 32 else f"signal {n}" for n in range(1, 65) if mask >> (n - 1) & 1]


def never_ran(code, err):
    """Return why a program that can be executed was not, in words, when mybox ended with 126 or 127; else ""."""
    if code not in (126, 127):
        return ""
    said = err.decode(errors="replace").strip() or "nothing"
    einval = (
        ". EINVAL, Invalid argument, came before the execve, from the last mile (Python: `OSError: [Errno 22]` of "
        "signal.signal): nobody can set SIGKILL and SIGSTOP, which are the kernel's, nor 32 and 33, which are the C "
        "library's own; loop over signal.valid_signals(), without SIGKILL and SIGSTOP"
    )
    return (
        f"the program never ran. mybox itself ended with {code}, which is for what cannot be executed, and this can; "
        f"mybox said: {said!r}{einval if 'Invalid argument' in said else ''}"
    )


def runs(box, running, condition, what):
    """Wait until the program has done something; AssertionError with what mybox says when it cannot have run."""
    try:
        box.wait_for(condition, seconds=5, what=what)
    except AssertionError as error:
        if not running.ended():
            raise AssertionError(f"{error}. mybox is {running.where()}") from None
        ran = running.wait()
        raise AssertionError(never_ran(ran.code, ran.err) or error) from None


def cat_of(box, running):
    """Return the pid of the program, cat, when it reads its input; before that the dynamic linker has files open."""
    found = []

    def it_runs():
        found[:] = [stat.pid for stat in running.descendants() if stat.comm == "cat" and stat.state == "S"]
        return found

    runs(box, running, it_runs, "the program, cat, is a descendant of mybox")
    return found[0]


def first_moment(box, running, number):
    """Assert that a mybox which got signal `number` before its fork returned has passed it on to its program, cat."""
    box.wait_for(lambda: state(running.pid) == "Z", seconds=5,
                 what=f"{number.name}, sent to mybox before fork had returned, ends program and mybox")  # fmt: skip
    ran = None if (box.folder / "forked").exists() else running.wait()
    assert ran is None, never_ran(ran.code, ran.err) or (
        "mybox was to start a program, which is a second mybox; that one has not come to its os.fork. Look first at "
        "the tests that start a program and expect its exit status"
    )
    left = [stat.comm for stat in box.processes() if stat.state != "Z"]
    assert not left, (
        f"mybox got {number.name} in the first moment of its child's life, before fork had returned in mybox. The "
        f"signal ended mybox, and never reached the program, which still runs: {left}. What is installed after the "
        "fork is too late; a signal that is blocked before the fork waits, see ./course explain LCM-PROC-11"
    )


def arrives(box, running, number, count):
    """Assert that the listener notes its signal number `count`, which was sent to mybox."""
    what = f"the program gets {number.name}, which was sent to mybox"
    try:
        box.wait_for(lambda: len(noted(box)) >= count or state(running.pid) == "Z", seconds=5, what=what)
    except AssertionError as error:
        listeners = [stat.pid for stat in running.descendants() if stat.comm == "listener"]
        if any(status(pid)["SigBlk"] >> (number - 1) & 1 for pid in listeners):
            raise AssertionError(
                f"{error}. The program has it blocked (SigBlk in its /proc/PID/status): fork and execve keep the mask "
                "that mybox has set for itself, see ./course explain LCM-PROC-10"
            ) from None
        raise AssertionError(f"{error}. mybox is {running.where()}, see ./course explain LCM-PROC-11") from None
    assert len(noted(box)) >= count, (
        f"{number.name} was sent to mybox, and the program never got it; mybox ended with {running.wait().how}. A "
        "signal goes to one process; whoever stands in front of another must pass it on, "
        "see ./course explain LCM-PROC-11"
    )


def ends_with_its_program(box, running):
    """Assert that mybox, started with SIGCHLD ignored, ends when cat does."""
    running.close_stdin()
    what = (
        "mybox, started with SIGCHLD ignored, ends as its program has ended (who ignores SIGCHLD is not told of a "
        "child's end, and the kernel keeps no status for wait), see ./course explain LCM-PROC-10"
    )
    box.wait_for(lambda: state(running.pid) == "Z", seconds=5, what=what)
    ran = running.wait()
    assert ran.how == "exit status 0", (
        f"mybox was started with SIGCHLD ignored, its program ended with 0: {ran.how}. Who ignores SIGCHLD gets no "
        "zombie: the kernel reaps the child, and wait finds none (ECHILD, in Python ChildProcessError). Set SIGCHLD to "
        "its default before the fork, see ./course explain LCM-PROC-10"
    )


@points(1, part="status")
def test_the_exit_code_is_passed_on(box, nonce):
    for wanted in (nonce.integer(1, 99), 0, nonce.integer(150, 255)):
        ran = box.run("run", "--", "sh", "-c", f"exit {wanted}")
        assert ran.code == wanted, never_ran(ran.code, ran.err) or (
            f"the program ended with exit code {wanted}; mybox ended with {ran.how}"
            + (", see ./course explain LCM-PROC-08" if ran.code == 0 else "")
        )


@points(1, part="status")
def test_a_signal_is_128_plus_n(box, nonce):
    number = signal.Signals(nonce.choice([signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1, signal.SIGALRM]))
    ran = box.run("run", "--", "sh", "-c", f"kill -{int(number)} $$")
    assert ran.how == f"exit status {128 + number}", never_ran(ran.code, ran.err) or (
        f"{number.name} ended the program; expected exit status {128 + number} (128 + {int(number)}), got {ran.how}"
        + (", see ./course explain LCM-PROC-08" if ran.code in (0, int(number), 256 - number) else "")
    )


@points(2, part="status")
def test_what_cannot_be_started(box, nonce):
    absent, locked, folder = (f"./{nonce.word(8)}" for _ in range(3))
    (box.folder / locked).write_text("#!/bin/sh\n", encoding="ascii")
    os.chmod(box.folder / locked, 0o644)
    (box.folder / folder).mkdir()
    cases = [(absent, 127, "is not there"), (nonce.word(12), 127, "is not in PATH"),
             (locked, 126, "may not be executed"), (folder, 126, "is a folder")]  # fmt: skip
    for program, wanted, why in cases:
        ran = box.run("run", "--", program)
        said = f"; mybox said: {ran.err.decode(errors='replace').strip()!r}" if ran.code in (126, 127) else ""
        block = ", see ./course explain LCM-PROC-07" if b"Traceback" in ran.err else ""
        assert ran.how == f"exit status {wanted}", (
            f"{program} {why}: expected exit status {wanted}, got {ran.how}{said}{block}"
        )
        assert ran.err.strip(), f"{program} {why}: a message on standard error was expected"


@points(1, part="status")
def test_the_words_arrive_unchanged(box, nonce):
    words = [nonce.word(), "--", "", "-x", "--help", f"{nonce.word(3)}  {nonce.word(3)}", "*", "run", "é$HOME"]
    words = nonce.shuffled(words)
    ran = box.run("run", "--", box.probe("echo", ECHO), *words)
    file = box.folder / "words"
    got = json.loads(file.read_text(encoding="utf-8")) if file.exists() else f"nothing, mybox ended with {ran.how}"
    assert file.exists() or not never_ran(ran.code, ran.err), never_ran(ran.code, ran.err)
    assert got == words, f"the command's words were {words}; the program got {got}"


@points(2, part="signals")
def test_sigterm_is_passed_on(box, nonce):
    running = box.start("run", "--", box.probe("listener", LISTENER), str(nonce.integer(1, 120)))
    runs(box, running, (box.folder / "ready").exists, "the program runs")
    running.signal(signal.SIGTERM)
    arrives(box, running, signal.SIGTERM, 1)
    (box.folder / "end").touch()
    box.wait_for(lambda: state(running.pid) == "Z", seconds=5, what="mybox ends after the program has ended")


@points(2, part="signals")
def test_each_signal_in_order(box, nonce):
    code = nonce.integer(1, 120)
    running = box.start("run", "--", box.probe("listener", LISTENER), str(code))
    runs(box, running, (box.folder / "ready").exists, "the program runs")
    sent = []
    for number in nonce.shuffled([signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2]):
        running.signal(number)
        sent.append(number.name)
        arrives(box, running, number, len(sent))
    assert noted(box) == sent, f"sent to mybox: {sent}; the program noted: {noted(box)}"
    (box.folder / "end").touch()
    ran = running.wait()
    assert ran.how == f"exit status {code}", f"the program ended with exit code {code}, mybox with {ran.how}"


@points(2, part="signals")
def test_a_signal_in_the_first_moment(box):
    running = box.start("run", "--", box.probe("early", EARLY), str(int(signal.SIGUSR1)))
    first_moment(box, running, signal.SIGUSR1)


@points(1, part="signals")
def test_mybox_ends_after_the_program(box, nonce):
    code = nonce.integer(1, 120)
    running = box.start("run", "--", box.probe("listener", LISTENER), str(code))
    runs(box, running, (box.folder / "ready").exists, "the program runs")
    running.signal(signal.SIGTERM)
    arrives(box, running, signal.SIGTERM, 1)
    (box.folder / "end").touch()
    ran = running.wait()
    assert ran.how == f"exit status {code}", (
        f"the program took SIGTERM as a request, cleaned up, and ended with {code}; mybox ended with {ran.how}. It "
        "must wait for the end of the program, whatever it has passed on. Look at the status tests above first, "
        "see ./course explain LCM-PROC-11"
    )
    left = [stat.comm for stat in box.processes()]
    assert not left, f"mybox has ended, but it left behind: {left}"


@points(1, part="last mile")
def test_the_program_starts_with_clean_signals(box):
    sets = status(cat_of(box, box.start("run", "--", "cat")))
    assert not sets["SigIgn"], (
        f"/proc/PID/status of the program: SigIgn = {names(sets['SigIgn'])}; none was expected. execve keeps what is "
        "ignored, and Python ignores SIGPIPE and SIGXFSZ, see ./course explain LCM-PROC-10"
    )
    assert not sets["SigBlk"], (
        f"/proc/PID/status of the program: SigBlk = {names(sets['SigBlk'])}; none was expected. The mask goes through "
        "fork and execve; a blocked SIGTERM never arrives, see ./course explain LCM-PROC-10"
    )


@points(2, part="last mile")
def test_what_mybox_was_given_ends_here(box, nonce):
    (box.folder / "secret").write_bytes(nonce.data(16))
    leaked = sorted([7, highest(nonce)])
    running = box.start("run", "--", box.probe("dirty", DIRTY), ",".join(map(str, leaked)))
    program = cat_of(box, running)
    fds = sorted(map(int, os.listdir(f"/proc/{program}/fd")))
    assert fds == [0, 1, 2], (
        f"mybox was started with the descriptors {leaked} open; the program must have 0, 1 and 2 only, /proc/PID/fd "
        f"shows {fds}. A descriptor's number may be any below the limit of mybox, RLIMIT_NOFILE, "
        "see ./course explain LCM-PROC-10"
    )
    sets = {name: names(mask) for name, mask in status(program).items() if name in ("SigIgn", "SigBlk")}
    assert sets == {"SigIgn": [], "SigBlk": []}, (
        f"mybox was started with SIGTERM and SIGUSR1 blocked, SIGHUP and SIGCHLD ignored; in the program both sets "
        f"must be empty: {sets}, see ./course explain LCM-PROC-10"
    )
    ends_with_its_program(box, running)

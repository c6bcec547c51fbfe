"""Starts that fail, stale pid files, a second start, two starts at once."""

import os
from pathlib import Path

from courseware.exercises import points

# Tell that it runs (a file NAME.up), become ready when a file NAME.go is there, then hold.
SERVER = """
import os, signal, sys, time
me = os.path.abspath(sys.argv[0])
open(me + ".up", "w").close()
while not os.path.exists(me + ".go"):
    time.sleep(0.02)
os.write(3, b"\\n")
os.close(3)
while True:
    signal.pause()
"""


def state(pid):
    """Return the state of a process: a letter, Z when it has ended."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]


def server(box, name, *, go=True):
    """Return a program that is a daemon's work; it becomes ready at once, or when `NAME.go` is made."""
    if go:
        (box.folder / f"{name}.go").touch()
    return box.probe(name, SERVER)


def living(box):
    """Return the names of the processes that run, but for the starters."""
    return sorted(process.comm for process in box.processes() if process.state != "Z")


@points(2, part="ready", explain="LCM-PROC-15")
def test_a_start_that_fails(box, nonce):
    name, code = nonce.word(8), nonce.integer(0, 9)
    locked = box.probe(name, "")
    os.chmod(box.folder / name, 0o644)
    cases = [(nonce.word(12), 127, "is not in PATH"), (locked, 126, "may not be executed")]
    for command, wanted, why in [*cases, ("sh", 1, "ends before it is ready")]:
        name = nonce.word()
        ran = box.run(name, command, *(["-c", f"exit {code}"] if command == "sh" else []))
        assert ran.how == f"exit status {wanted}", f"the command {why}: expected exit status {wanted}, got {ran.how}"
        assert ran.err.strip(), f"the command {why}: a message on standard error was expected"
        assert not (box.folder / name).exists(), f"the command {why}, but a pid file says that it runs"
        # The pipe ends a moment before the process does.
        box.wait_for(lambda: living(box) == [], seconds=5, what="no process is left of a start that has failed")


@points(3, part="pid file", explain="LCM-PROC-14")
def test_a_stale_pid_file(box, nonce):
    # PID 1 always runs, but it was not started at this time: its number was given out again, so to speak.
    stale = f"1 {nonce.integer(10**15, 10**16)}\n"
    name, link = box.folder / nonce.word(), box.folder / nonce.word()
    name.write_text(stale, encoding="ascii")
    os.link(name, link)
    os.chmod(name, 0o666)  # the submission may run as another user
    ran = box.run(name.name, server(box, nonce.word()))
    assert ran.how == "exit status 0", (
        f"the pid file names a process that runs, but with another start time, so it is stale; daemon.py "
        f"ended with {ran.how}"
    )
    assert name.read_text(encoding="ascii") != stale, (
        "daemon.py has ended with 0, and the pid file is still the stale one"
    )
    assert link.read_text(encoding="ascii") == stale, (
        "a second name (a hard link) of the old pid file shows new content: the file was overwritten in place, and a "
        "reader could have found it empty. Write another file, and rename it"
    )


@points(3, part="pid file", explain="LCM-PROC-14")
def test_a_second_start_is_refused(box, nonce):
    name, first, second = nonce.word(), nonce.word(), nonce.word()
    assert box.run(name, server(box, first)).code == 0, "the first start should end with 0"
    before = (box.folder / name).read_bytes()
    ran = box.run(name, server(box, second))
    assert ran.how == "exit status 1", f"a daemon runs under this pid file; expected exit status 1, got {ran.how}"
    assert ran.err.strip(), "a daemon runs already: a message on standard error was expected"
    assert (box.folder / name).read_bytes() == before, "the second start was refused, but it has changed the pid file"
    assert living(box) == [first], f"only the first daemon should run, {first}; these run: {living(box)}"


@points(2, part="pid file", explain="LCM-PROC-14")
def test_of_two_at_once_one_wins(box, nonce):
    name, first, second = nonce.word(), nonce.word(), nonce.word()
    winner = box.start(name, server(box, first, go=False))
    box.wait_for((box.folder / f"{first}.up").exists, seconds=8, what="the first command runs")
    other = box.start(name, server(box, second))
    asleep = []

    def waits_or_has_ended():  # three looks: it does not sleep for a moment only
        asleep.append(state(other.pid) == "S")
        return state(other.pid) == "Z" or asleep[-3:] == [True] * 3

    box.wait_for(waits_or_has_ended, what="the second start waits, or has ended")
    (box.folder / f"{first}.go").touch()
    ends = (winner.wait().how, other.wait().how)
    assert not (box.folder / f"{second}.up").exists(), (
        "the first start was not over, its daemon not ready yet; the second start has run its command all the same"
    )
    assert ends == ("exit status 0", "exit status 1"), (
        f"expected exit status 0 for the first start and 1 for the second, got {ends[0]} and {ends[1]}"
    )
    assert living(box) == [first], f"only the first daemon should run, {first}; these run: {living(box)}"

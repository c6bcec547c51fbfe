"""Once more, with other shapes: a start that fails, a stale pid file, a second start."""

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


def inside(pid):
    """Return the number that process `pid` has in its own pid namespace: what the submission sees."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("NSpid:")[1].split("\n")[0].split()[-1])


def server(box, name):
    """Return a program that is a daemon's work, and becomes ready at once."""
    (box.folder / f"{name}.go").touch()
    return box.probe(name, SERVER)


def living(box):
    """Return the names of the processes that run, but for the starters."""
    return sorted(process.comm for process in box.processes() if process.state != "Z")


@points(1, part="ready", explain="LCM-PROC-15")
def test_a_start_that_is_killed(box, nonce):
    name, number = nonce.word(), nonce.choice([9, 10, 15])
    ran = box.run(name, "sh", "-c", f"kill -{number} $$")
    assert ran.how == "exit status 1", (
        f"signal {number} ended the command before it was ready: expected exit status 1, got {ran.how}"
    )
    assert ran.err.strip(), "the command ended before it was ready: a message on standard error was expected"
    assert not (box.folder / name).exists(), "the command was killed, but a pid file says that it runs"
    box.wait_for(lambda: living(box) == [], seconds=5, what="no process is left of a start that has failed")


@points(1, part="pid file", explain="LCM-PROC-14")
def test_another_stale_pid_file(box, nonce):
    first, work = nonce.word(), nonce.word()
    assert box.run(nonce.word(), server(box, first)).code == 0, "the first start should end with 0"
    (daemon,) = (process for process in box.processes() if process.state != "Z")
    stale = f"{inside(daemon.pid)} {nonce.integer(1, 9)}\n"  # it runs, but was not started at this time
    name, link = box.folder / nonce.word(), box.folder / nonce.word()
    name.write_text(stale, encoding="ascii")
    os.link(name, link)
    os.chmod(name, 0o666)  # the submission may run as another user
    ran = box.run(str(name.name), server(box, work))
    assert ran.how == "exit status 0", (
        f"the pid file names a process that runs, but with another start time; daemon.py ended with {ran.how}"
    )
    assert link.read_text(encoding="ascii") == stale, "the old pid file was overwritten in place, not replaced"
    both = sorted([first, work])
    assert living(box) == both, f"two daemons with two pid files should run, {both}; these run: {living(box)}"


@points(1, part="pid file", explain="LCM-PROC-14")
def test_every_further_start_is_refused(box, nonce):
    name, first = nonce.word(), nonce.word()
    assert box.run(name, server(box, first)).code == 0, "the first start should end with 0"
    before = (box.folder / name).read_bytes()
    for _ in range(nonce.integer(2, 3)):
        ran = box.run(name, server(box, nonce.word()))
        assert ran.how == "exit status 1", f"a daemon runs under this pid file; expected exit status 1, got {ran.how}"
        assert (box.folder / name).read_bytes() == before, "a start was refused, but it has changed the pid file"
    assert living(box) == [first], f"only the first daemon should run, {first}; these run: {living(box)}"

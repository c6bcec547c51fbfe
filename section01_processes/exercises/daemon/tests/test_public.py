"""What /proc says of the daemon when its starter has ended, when that is, and which starts do not happen."""

import os
import signal
from contextlib import suppress
from importlib.util import find_spec
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

# Python imports this when it starts. It holds the first process of this start that forks ("fork"), opens the pid file
# for writing ("open"), or gives a file the pid file's name ("rename"): a file tells it, and it goes on with another.
HOLD = """
import os, sys, time
folder = os.path.dirname(os.path.abspath(__file__))
moment, _, name = os.environ.get("HOLD", "").partition(" ")
kinds = {
    "os.fork": "fork", "os.forkpty": "fork", "os.posix_spawn": "fork", "subprocess.Popen": "fork",
    "open": "open", "os.rename": "rename", "os.link": "rename",
}

def hold(event, args):
    if not moment or kinds.get(event) != moment:
        return
    if moment != "fork":
        path = args[0 if moment == "open" else 1]
        if isinstance(path, int) or os.path.basename(os.fsdecode(path)) != name:
            return
        if moment == "open" and not args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
    try:
        os.mkdir(f"{folder}/held-{name}")
    except OSError:
        return
    while not os.path.exists(f"{folder}/go-{name}"):
        time.sleep(0.01)

sys.addaudithook(hold)
"""


def stat(pid):
    """Return the fields of /proc/PID/stat from the third (state) on; [] if it has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def inside(pid):
    """Return the number that process `pid` has in its own pid namespace: what the submission sees."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.split("NSpid:")[1].split("\n")[0].split()[-1])


def server(box, name, *, go=True):
    """Return a program that is a daemon's work; it becomes ready at once, or when `NAME.go` is made."""
    if go:
        (box.folder / f"{name}.go").touch()
    return box.probe(name, SERVER)


def living(box):
    """Return the names of the processes that run, but for the starters."""
    return sorted(process.comm for process in box.processes() if process.state != "Z")


def identity(process):
    """Return pid and start time of a process, as the submission sees them."""
    return inside(process.pid), int(stat(process.pid)[19])


def only_one(box, ran):
    """Return the one process that is left after a start; AssertionError with the reason if it is not one."""
    assert ran.code == 0, f"the command was ready; daemon.py should end with 0, it ended with {ran.how}"
    left = [process for process in box.processes() if process.state != "Z"]
    assert len(left) == 1, (
        f"after the start one process should be left, the daemon; /proc shows {len(left)}: {[p.comm for p in left]}"
    )
    return left[0]


@points(5, part="detached", explain="LCM-PROC-13")
def test_it_is_in_a_session_of_its_own(box, nonce):
    running = box.start(nonce.word(), server(box, nonce.word()))
    session = os.getsid(running.pid)
    daemon = only_one(box, running.wait())
    assert daemon.session != session, (
        "the daemon is in the session of its starter: closing the terminal ends it (setsid was not called)"
    )
    assert daemon.session != daemon.pid, (
        "the daemon leads its session: the first terminal that it opens will control it (fork once more)"
    )
    assert daemon.pgrp == daemon.session, "the daemon's process group is not that of its session"
    assert daemon.tty == 0, "the daemon has a controlling terminal"


@points(4, part="clean", explain="LCM-PROC-10")
def test_nothing_of_the_starter_is_kept(box, nonce):
    ran = box.run(nonce.word(), "sh", "-c", "echo >&3; exec 3>&- sleep 1000")
    daemon = only_one(box, ran)
    box.wait_for(lambda: Path(f"/proc/{daemon.pid}/comm").read_text(encoding="utf-8") == "sleep\n"
                 and stat(daemon.pid)[0] == "S", what="the daemon has become sleep")  # fmt: skip
    fds = {int(fd): os.readlink(f"/proc/{daemon.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{daemon.pid}/fd")}
    assert sorted(fds) == [0, 1, 2], (
        f"/proc/PID/fd shows {sorted(fds)}; 0, 1 and 2 were expected: 3 was closed by the command"
    )
    others = sorted(fd for fd, what in fds.items() if what != "/dev/null")
    assert not others, f"the descriptors {others} of the daemon are not /dev/null"
    cwd = os.readlink(f"/proc/{daemon.pid}/cwd")
    assert cwd == "/", (
        f"/proc/PID/cwd is {cwd}: the file system that holds it cannot be unmounted while the daemon runs"
    )
    lines = Path(f"/proc/{daemon.pid}/status").read_text(encoding="utf-8").splitlines()
    status = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("Umask", "SigIgn", "SigBlk"))}
    assert int(status["Umask"], 8) == 0o027, f"/proc/PID/status: Umask is {status['Umask']}, 0027 was expected"
    for name in ("SigIgn", "SigBlk"):
        mask = int(status[name], 16)
        numbers = [n for n in range(1, 65) if mask >> (n - 1) & 1]
        assert not numbers, f"/proc/PID/status: {name} holds the signals {numbers}; none was expected"


@points(2, part="pid file", explain="LCM-PROC-14")
def test_the_pid_file_names_the_daemon(box, nonce):
    name = nonce.word()
    daemon = only_one(box, box.run(name, server(box, nonce.word())))
    path = box.folder / name
    assert path.exists(), "daemon.py has ended with 0, but there is no pid file"
    words = path.read_text(encoding="utf-8", errors="replace").split()
    assert words[:1] == [str(inside(daemon.pid))], (
        "the pid file does not begin with the pid of the daemon, but with another"
    )
    assert words[1:] == [stat(daemon.pid)[19]], "after the pid the start time was expected, field 22 of /proc/PID/stat"


@points(3, part="ready", explain="LCM-PROC-15")
def test_it_returns_when_the_daemon_is_ready(box, nonce):
    name, work = nonce.word(), nonce.word()
    running = box.start(name, server(box, work, go=False))
    box.wait_for((box.folder / f"{work}.up").exists, seconds=8, what="the command runs")
    box.wait_for(lambda: stat(running.pid)[0] in "SZ", what="daemon.py waits, or has ended")
    assert stat(running.pid)[0] != "Z", (
        "the daemon runs, but has not said that it is ready (a newline on descriptor 3); daemon.py has returned already"
    )
    (box.folder / f"{work}.go").touch()
    only_one(box, running.wait())


@points(1, part="ready", explain="LCM-PROC-15")
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


@points(2, part="pid file", explain="LCM-PROC-14")
def test_a_stale_pid_file(box, nonce):
    pid, started = identity(only_one(box, box.run(nonce.word(), server(box, nonce.word()))))
    # Their numbers were given out again, so to speak: PID 1 belongs to another user, the other one may be signalled.
    for number, time in ((pid, started + nonce.integer(1, 10**6)), (1, nonce.integer(10**15, 10**16))):
        stale, name, link = f"{number} {time}\n", box.folder / nonce.word(), box.folder / nonce.word()
        name.write_text(stale, encoding="ascii")
        os.link(name, link)
        os.chmod(name, 0o666)  # the submission may run as another user
        ran = box.run(name.name, server(box, nonce.word()))
        assert ran.how == "exit status 0", (
            f"the pid file names {'PID 1' if number == 1 else 'a process'}, which runs, but with another start time: "
            f"it is stale; daemon.py ended with {ran.how}. That a process has this pid is not enough"
        )
        assert name.exists(), "daemon.py has ended with 0; the stale pid file has gone, and there is no other"
        assert name.read_text(encoding="utf-8", errors="replace") != stale, (
            "daemon.py has ended with 0, and the pid file is still the stale one"
        )
        assert link.read_text(encoding="ascii") == stale, (
            "a second name (a hard link) of the old pid file shows new content: the file was overwritten in place, and "
            "a reader could have found it empty. Write another file, and rename it"
        )
    name, before = nonce.word(), living(box)
    (box.folder / name).write_text(f"{pid} {started}\n", encoding="ascii")
    os.chmod(box.folder / name, 0o666)
    ran = box.run(name, server(box, nonce.word()))
    assert ran.how == "exit status 1", (
        "the pid file names a process that runs, with its own start time, so it is not stale; expected exit status 1, "
        f"got {ran.how}"
    )
    assert living(box) == before, f"a start was refused; before it {before} ran, after it {living(box)}"


@points(2, part="pid file", explain="LCM-PROC-14")
def test_a_second_start_is_refused(box, nonce):
    name, first, second = nonce.word(), nonce.word(), nonce.word()
    assert box.run(name, server(box, first)).code == 0, "the first start should end with 0"
    before = (box.folder / name).read_bytes()
    ran = box.run(name, server(box, second))
    assert ran.how == "exit status 1", f"a daemon runs under this pid file; expected exit status 1, got {ran.how}"
    assert ran.err.strip(), "a daemon runs already: a message on standard error was expected"
    assert (box.folder / name).read_bytes() == before, "the second start was refused, but it has changed the pid file"
    assert living(box) == [first], f"only the first daemon should run, {first}; these run: {living(box)}"


def waits_or_has_ended(box, running, before):
    """Wait until a start has ended, or sleeps (for a lock, say) and has no process but those `before`; 3 s at most."""
    idle = []

    def done():  # ten looks: it does not sleep for a moment only
        mine = [process for process in box.processes() if process.pid not in before and process.state != "Z"]
        idle.append(stat(running.pid)[:1] == ["S"] and not mine)
        return stat(running.pid)[:1] == ["Z"] or idle[-10:] == [True] * 10

    with suppress(AssertionError):  # it waits in another way; both may win
        box.wait_for(done, seconds=3)


def race(box, name, first, second, env):
    """Start two, the second while the first is held; return their ends, and whether the second has run meanwhile."""
    one = box.start(name, server(box, first), env=env)
    held = box.folder / f"held-{name}"
    box.wait_for(lambda: held.exists() or stat(one.pid)[:1] == ["Z"], seconds=5, what="the first start is on its way")
    other = box.start(name, server(box, second))
    waits_or_has_ended(box, other, {process.pid for process in box.processes()})
    meanwhile = held.exists() and (box.folder / f"{second}.up").exists()
    (box.folder / f"go-{name}").touch()
    return [one.wait().how, other.wait().how], meanwhile


@points(2, part="pid file", explain="LCM-PROC-14")
def test_of_two_at_once_one_wins(box, nonce):
    box.probe("lab.py", Path(find_spec("lab").origin).read_text(encoding="utf-8"))
    folder = os.path.dirname(box.probe("sitecustomize.py", HOLD))
    moments = {
        "fork": "before its first fork",
        "open": "before it opened the pid file for writing",
        "rename": "before it gave a file the pid file's name",
    }
    for moment, when in moments.items():
        name, first, second = nonce.word(), nonce.word(), nonce.word()
        env = {"PYTHONPATH": folder, "HOLD": f"{moment} {name}"}
        ends, meanwhile = race(box, name, first, second, env)
        with suppress(AssertionError):  # the loser's processes may need a moment; the daemons are counted below
            box.wait_for(lambda: len(living(box)) == 1, seconds=1)
        held = (box.folder / f"held-{name}").exists()
        what = f"two starts at once, the first held {when}" if held else "two starts, the second after the first"
        left = [process for process in box.processes() if process.state != "Z"]
        seen = f"{what}: they ended with {ends[0]} and {ends[1]}; processes that are left: {len(left)}"
        why = (
            "the second ran its command while the first was held: nothing kept it out"
            if meanwhile
            else "the second had not run its command when the first went on"
        )
        assert len(left) == 1, f"{seen}. One was expected, the winner's daemon; {why}"
        assert sorted(ends) == ["exit status 0", "exit status 1"], (
            f"{seen}. Exit status 0 was expected for the winner, and 1 for the other, which finds one that runs"
        )
        path, number = box.folder / name, str(inside(left[0].pid))
        assert path.exists(), f"{seen}, the daemon; but there is no pid file"
        words = path.read_text(encoding="utf-8", errors="replace").split()
        assert words[:1] == [number], f"{seen}, the daemon; but the pid file does not begin with its pid"
        os.kill(left[0].pid, signal.SIGKILL)
        box.wait_for(lambda: living(box) == [], seconds=5, what="the daemon is gone that the test has killed")

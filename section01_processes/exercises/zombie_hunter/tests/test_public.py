"""Programs that end, and programs that do not wait: what the hunter tells, against the states in /proc."""

import json
import os
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from courseware.exercises import points

# Be a tree of processes: [name, how it ends (None: it does not; -n: by signal n), children].
TREE = """
import json, os, signal

def be(node):
    name, end, below = node
    with open("/proc/self/comm", "w", errors="surrogateescape") as file:
        file.write(name)
    for child in below:
        if os.fork() == 0:
            be(child)
    while end is None:
        signal.pause()
    if end < 0:
        os.kill(os.getpid(), -end)
    os._exit(end)

be(json.loads(%r))
"""

# Come and go for ever: a /proc in which processes vanish between two looks.
CHURN = """
import os
with open("/proc/self/comm", "w") as file:
    file.write(%r)
while True:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
"""

# Python imports this when it starts. A process that a file names goes, by its parent's wait, at the worst moment: right
# before the submission opens its stat ("open"), or right after it has opened it and before it reads ("read").
VANISH = """
import os, sys, time
folder = os.path.dirname(os.path.abspath(__file__))

def vanish(pid, moment):
    try:
        os.unlink(f"{folder}/{moment}-{pid}")
    except OSError:
        return
    open(f"{folder}/reap-{pid}", "w").close()
    while os.path.exists(f"/proc/{pid}"):
        time.sleep(0.005)

def before_open(event, args):
    words = str(args[0]).split("/") if event == "open" else []
    if words[:2] == ["", "proc"] and words[3:] == ["stat"]:
        vanish(words[2], "open")

def after_open(frame, event, function):
    if event == "c_return" and function.__name__ == "open":
        for fd in os.listdir("/proc/self/fd"):
            try:
                words = os.readlink(f"/proc/self/fd/{fd}").split("/")
            except OSError:
                continue
            if words[:2] == ["", "proc"] and words[3:] == ["stat"]:
                vanish(words[2], "read")

sys.addaudithook(before_open)
sys.setprofile(after_open)
"""

# Have children that end, tell their pids in a file, and wait for one only when a file asks for it.
KEEPER = """
import os, time
folder = os.path.dirname(os.path.abspath(__file__))
pids = [os.fork() or os._exit(0) for _ in range(%d)]
with open(folder + "/pids.new", "w") as file:
    file.write(" ".join(map(str, pids)))
os.rename(folder + "/pids.new", folder + "/pids")
while True:
    for pid in list(pids):
        if os.path.exists(f"{folder}/reap-{pid}"):
            os.waitpid(pid, 0)
            pids.remove(pid)
    time.sleep(0.005)
"""


def program(box, name, end=None, below=()):
    """Return a program that is such a tree."""
    return box.probe(name, TREE % json.dumps([name, end, list(below)]))


def inside(pid):
    """Return the number that process `pid` has in its own pid namespace: what the submission sees."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    return int(status.split("NSpid:")[1].split("\n")[0].split()[-1])


def zombies(running):
    """Return the zombies below the submission, by pid."""
    return {stat.pid: stat for stat in running.descendants() if stat.state == "Z"}


def ended(running, names):
    """Return a condition: these have ended, and nobody has waited for them."""
    return lambda: sorted(stat.comm for stat in zombies(running).values()) == sorted(names)


def hunt(running):
    """Ask for one hunt; return the answer, of which the keys are sure."""
    keys = {"reaped": ["code", "pid"], "left": ["name", "parent", "parent_name", "pid"]}
    running.write(b"hunt\n")
    try:
        line = running.read_line(seconds=4)
    except AssertionError:
        raise AssertionError(no_answer(running)) from None
    if not line and b"ChildProcessError" in running.wait().err:
        raise AssertionError(
            "wait says ECHILD, ChildProcessError in Python, when the process asked for is no child of the hunter, or "
            "when it has no child: a zombie can be waited for by its parent and by nobody else, "
            "see ./course explain LCM-PROC-06"
        )
    try:
        answer = json.loads(line)
        shaped = sorted(answer) == sorted(keys) and all(sorted(row) == keys[key] for key in keys for row in answer[key])
    except (ValueError, TypeError):
        shaped = False
    assert shaped, (
        'one line of JSON was expected, {"reaped": [{"pid", "code"}, …], "left": [{"pid", "name", "parent", '
        f'"parent_name"}}, …]}}; the hunter answered {line[:200]!r}'
    )
    return answer


def no_answer(running):
    """Return what is to be said when a hunt brings no answer: what the hunter does instead. It is ended by that."""
    call, living = running.sleeps_in(), [stat for stat in running.descendants() if stat.state != "Z"]
    what = f"hunt was asked for, and 4 s later there is no answer. The hunter is {running.where(below=False)}"
    if call in ("wait4", "waitid") and living:
        return (
            f"{what}. A wait without WNOHANG sleeps until a child ends, and a child still runs. The hunter must not "
            "wait for a child that still runs: with os.WNOHANG waitpid answers at once, with pid 0 when children are "
            "there but none of them has ended, see ./course explain LCM-PROC-02"
        )
    if call:
        return what
    return (
        f"{what}. A loop without end? With WNOHANG waitpid says pid 0, as often as it is asked, when no child has ended"
    )


def rows(answer, without=""):
    """Return what an answer tells as left; not the children of `without`."""
    left = [[row["pid"], row["name"], row["parent"], row["parent_name"]] for row in answer["left"]]
    return sorted(row for row in left if row[3] != without)


@points(1, part="reap")
def test_an_own_zombie_is_reaped(box, nonce):
    code, dead, living = nonce.integer(1, 120), nonce.word(8), nonce.word(8)
    running = box.start(program(box, dead, code), program(box, living))
    box.wait_for(ended(running, [dead]), what="one program ends")
    box.wait_for(lambda: any(stat.comm == living for stat in running.descendants()), what="the other one runs")
    (wanted,) = [{"pid": inside(pid), "code": code} for pid in zombies(running)]
    answer = hunt(running)
    assert not zombies(running), (
        "after the hunt /proc still shows your child in state Z. It goes when its parent waits for it; it has ended "
        "already, and no signal can end it once more, see ./course explain LCM-PROC-06"
    )
    assert answer["reaped"] == [wanted], f"one child had ended with {code}; the hunter told {answer['reaped']}"
    assert hunt(running) == {"reaped": [], "left": []}, "the second hunt told of zombies, but /proc shows none"
    assert any(stat.comm == living for stat in running.descendants()), "the child that had not ended is gone"


@points(1, part="reap")
def test_a_killed_child_is_128_plus_n(box, nonce):
    number = signal.Signals(nonce.choice([signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM, signal.SIGHUP]))
    dead = nonce.word(8)
    running = box.start(program(box, dead, -number), program(box, nonce.word(8)))
    box.wait_for(ended(running, [dead]), what="the program ends")
    (wanted,) = [{"pid": inside(pid), "code": 128 + number} for pid in zombies(running)]
    reaped = hunt(running)["reaped"]
    assert reaped == [wanted], (
        f"{number.name} ended a child: expected the code {128 + number} (128 + {int(number)}), in {[wanted]}; "
        f"the hunter told {reaped}{', see ./course explain LCM-PROC-08' if reaped and not zombies(running) else ''}"
    )


@points(1, part="reap")
def test_all_own_zombies_are_reaped_at_once(box, nonce):
    codes = {nonce.word(8): nonce.integer(1, 120) for _ in range(nonce.integer(3, 6))}
    programs = [program(box, name, code) for name, code in codes.items()]
    running = box.start(*programs, program(box, nonce.word(8)))
    box.wait_for(ended(running, codes), what="the programs end")
    wanted = {inside(pid): codes[stat.comm] for pid, stat in zombies(running).items()}
    told = {row["pid"]: row["code"] for row in hunt(running)["reaped"]}
    assert not zombies(running), (
        f"after the hunt /proc still shows {len(zombies(running))} of {len(codes)} ended children in state Z. One wait "
        "takes one child, and one SIGCHLD may stand for many: wait until there is none left that has ended, "
        "see ./course explain LCM-PROC-02"
    )
    assert told == wanted, f"pid → code of the children that had ended: {wanted}; the hunter told {told}"


@points(1, part="reap")
def test_no_child_is_left(box, nonce):
    dead, nothing = nonce.word(8), {"reaped": [], "left": []}
    running = box.start(program(box, dead, nonce.integer(0, 9)))
    box.wait_for(ended(running, [dead]), what="the program ends")
    assert len(hunt(running)["reaped"]) == 1, "the only child had ended; the hunter did not tell that it reaped it"
    try:
        answer = hunt(running)
    except AssertionError as error:
        if b"ChildProcessError" in running.wait().err:
            raise AssertionError(
                "the second hunt came when the hunter had no child any more. ECHILD, ChildProcessError in Python, "
                "is the kernel's normal answer to a wait without children, and no failure: catch it"
            ) from error
        raise
    assert answer == nothing, f"there is no child any more; expected {nothing}, the hunter told {answer}"
    running.close_stdin()
    ran = running.wait()
    assert ran.code == 0, f"standard input has ended; the hunter should end with 0, it ended with {ran.how}"


@points(2, part="find")
def test_the_zombies_of_others_and_their_parents(box, nonce):
    parent, dead = nonce.word(8), [nonce.word(8) for _ in range(nonce.integer(2, 4))]
    running = box.start(program(box, parent, None, [[name, 0, []] for name in dead]), program(box, nonce.word(8)))
    box.wait_for(ended(running, dead), what="they end")
    (bad,) = [stat for stat in running.descendants() if stat.comm == parent]
    wanted = sorted([inside(pid), stat.comm, inside(bad.pid), parent] for pid, stat in zombies(running).items())
    answer = hunt(running)
    assert rows(answer) == wanted, (
        f"zombies in /proc (pid, name, parent, parent's name): {wanted}\n"
        f"the hunter told:                               {rows(answer)}"
    )
    assert answer["reaped"] == [], (
        f"{parent} never waited, and nobody else can; the hunter says it reaped {answer['reaped']}, "
        "see ./course explain LCM-PROC-06"
    )
    assert len(zombies(running)) == len(dead), "the zombies are gone, so their parent must have ended: leave it alone"


@points(1, part="find", explain="LCM-PROC-04")
def test_a_name_with_parentheses(box, nonce):
    parent, dead = f"{nonce.word(3)}) (b", f"{nonce.word(3)}) (b"
    source = TREE % json.dumps([parent, None, [[dead, 0, []]]])
    running = box.start(box.probe(nonce.word(8), source))
    box.wait_for(ended(running, [dead]), what="the child ends")
    (child,) = zombies(running).values()
    wanted, told = [[inside(child.pid), dead, inside(child.ppid), parent]], rows(hunt(running))
    assert told == wanted, (
        f"zombies in /proc (pid, name, parent, parent's name): {wanted}\n"
        f"the hunter told:                               {told}\n"
        "In /proc/PID/stat a name may hold parentheses and blanks; only the last ')' ends it."
    )


@points(1, part="find")
def test_a_name_that_is_no_utf8(box, nonce):
    parent, dead = (nonce.word(3) + nonce.choice(["\udcff", "\udc80"]) + nonce.word(3) for _ in range(2))
    running = box.start(box.probe(nonce.word(8), TREE % json.dumps([parent, None, [[dead, 0, []]]])))
    box.wait_for(ended(running, [dead]), what="the child ends")
    (child,) = zombies(running).values()
    wanted = [[inside(child.pid), dead, inside(child.ppid), parent]]
    try:
        told = rows(hunt(running))
    except AssertionError as error:
        if b"UnicodeDecodeError" in running.wait().err:
            raise AssertionError(
                f"a process is named {os.fsencode(dead)}, bytes that are no UTF-8, as a name may be; "
                'errors="surrogateescape" reads them'
            ) from error
        raise
    assert told == wanted, (
        f"zombies in /proc (pid, name, parent, parent's name): {wanted}\n"
        f"the hunter told:                               {told}\n"
        f'a name is bytes, here {os.fsencode(dead)}; errors="surrogateescape" keeps what is no UTF-8'
    )


@points(1, part="find")
def test_processes_vanish_between_two_calls(box, nonce):
    count = 3
    box.probe("lab.py", Path(find_spec("lab").origin).read_text(encoding="utf-8"))
    folder = os.path.dirname(box.probe("sitecustomize.py", VANISH))
    name = nonce.word(8)
    running = box.start(box.probe(name, KEEPER % (2 * count)), env={"PYTHONPATH": folder})
    box.wait_for((box.folder / "pids").exists, what="the program has made children")
    box.wait_for(lambda: len(zombies(running)) == 2 * count, what="they end")
    pids = (box.folder / "pids").read_text(encoding="ascii").split()
    for moment, some in (("open", pids[:count]), ("read", pids[count:])):
        for pid in some:
            (box.folder / f"{moment}-{pid}").touch()
    try:
        told = rows(hunt(running))
    except AssertionError as error:
        said = running.wait().err
        for word, when in ((b"FileNotFoundError", "open it: ENOENT"), (b"ProcessLookupError", "read it: ESRCH")):
            if word in said:
                raise AssertionError(
                    f"a process had gone when the hunter had its /proc/PID/stat before it and wanted to {when}, "
                    f"{word.decode()} in Python. Processes come and go; what has gone is no reason to fail"
                ) from error
        raise
    assert told == [], f"{2 * count} zombies went while the hunter looked at them: none is left, it told {told}"
    missed = sorted(path.name.partition("-")[0] for path in box.folder.glob("[or]*-*") if path.name[:4] != "reap")
    assert not missed, (
        "the hunter was to see processes vanish while it reads /proc/PID/stat, and has not opened the stat of all "
        f"({len(missed)} of {2 * count} not): it must read the stat of every process in /proc"
    )


@points(1, part="find")
def test_all_generations_while_others_come_and_go(box, nonce):
    names = [nonce.word(8) for _ in range(5)]
    deep = [[names[1], None, [[names[2], None, [[names[3], 0, []]]], [names[4], 0, []]]]]
    churn = nonce.word(8)
    running = box.start(program(box, names[0], None, deep), box.probe(nonce.word(8), CHURN % churn))

    def below():
        return {stat.comm: stat for stat in running.descendants() if stat.comm in names}

    box.wait_for(lambda: all(name in below() and below()[name].state == "Z" for name in names[3:]), what="they end")
    box.wait_for(lambda: any(stat.comm == churn for stat in running.descendants()), what="processes come and go")
    pairs, stats = [(names[3], names[2]), (names[4], names[1])], below()
    wanted = sorted([inside(stats[dead].pid), dead, inside(stats[parent].pid), parent] for dead, parent in pairs)
    for _ in range(20):
        told = rows(hunt(running), churn)
        assert told == wanted, (
            f"zombies below the hunter (pid, name, parent, parent's name): {wanted}\nthe hunter told: {told}\n"
            "It must go down through all generations, and not stop when a process has gone."
        )


@points(1, part="find")
def test_nobody_elses_zombies(box, nonce):
    parent, dead = nonce.word(8), nonce.word(8)
    stranger = subprocess.Popen(["/bin/true"])  # a zombie, but the test's: not below the hunter
    try:
        os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
        running = box.start(program(box, parent, None, [[dead, 0, []]]))
        box.wait_for(ended(running, [dead]), what="the child ends")
        told = [row[1] for row in rows(hunt(running))]
        assert told == [dead], (
            f"one zombie is below the hunter, {dead}; another one, true, is a child of the test and not below it. "
            f"The hunter told {told}: it must look at its descendants, and not at the whole machine."
        )
    finally:
        stranger.wait()

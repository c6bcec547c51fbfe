"""Once more, with other shapes: many ends at once, strange names, deep trees and zombies of others."""

import json
import os
import signal
import subprocess
from pathlib import Path

from courseware.exercises import points

# Be a tree of processes: [name, how it ends (None: it does not; -n: by signal n), children].
TREE = """
import json, os, signal

def be(node):
    name, end, below = node
    with open("/proc/self/comm", "w") as file:
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


def inside(pid):
    """Return the number that process `pid` has in its own pid namespace: what the submission sees."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    return int(status.split("NSpid:")[1].split("\n")[0].split()[-1])


def zombies(running, without=""):
    """Return the zombies below the submission as the hunter should tell them; not the children of `without`."""
    stats = {stat.pid: stat for stat in running.descendants()}
    return sorted(
        [inside(stat.pid), stat.comm, inside(stat.ppid), stats[stat.ppid].comm]
        for stat in stats.values()
        if stat.state == "Z" and stat.ppid in stats and stats[stat.ppid].comm != without
    )


def hunted(running, without=""):
    """Ask for one hunt; return what it told as left."""
    running.write(b"hunt\n")
    left = json.loads(running.read_line())["left"]
    rows = [[entry["pid"], entry["name"], entry["parent"], entry["parent_name"]] for entry in left]
    return sorted(row for row in rows if row[3] != without)


def settled(running, count, without=""):
    """Return a condition: so many zombies are there."""

    def condition():
        try:
            return len(zombies(running, without)) == count
        except (FileNotFoundError, ProcessLookupError):  # one of those that come and go
            return False

    return condition


@points(1, part="reap")
def test_ended_and_killed_at_once(box, nonce):
    killed = -nonce.choice([signal.SIGKILL, signal.SIGTERM])
    ends = [killed, *(nonce.integer(1, 120) for _ in range(nonce.integer(3, 6)))]
    codes = {nonce.word(8): end if end >= 0 else 128 - end for end in ends}
    programs = [box.probe(name, TREE % json.dumps([name, end, []])) for name, end in zip(codes, ends, strict=True)]
    living = nonce.word(8)
    running = box.start(*programs, box.probe(living, TREE % json.dumps([living, None, []])))

    def ended():
        return {stat.pid: stat.comm for stat in running.descendants() if stat.state == "Z"}

    box.wait_for(lambda: sorted(ended().values()) == sorted(codes), what="the programs end")
    wanted = {inside(pid): codes[name] for pid, name in ended().items()}
    running.write(b"hunt\n")
    told = {entry["pid"]: entry["code"] for entry in json.loads(running.read_line())["reaped"]}
    assert not ended(), (
        f"after the hunt /proc still shows {len(ended())} of {len(codes)} ended children in state Z. One wait takes "
        "one child, and one SIGCHLD may stand for many: wait until there is none left that has ended."
    )
    assert told == wanted, f"pid → code of the children that had ended: {wanted}; the hunter told {told}"


@points(1, part="find", explain="LCM-PROC-04")
def test_more_names_with_parentheses(box, nonce):
    word = nonce.word(3)
    parent = nonce.choice([f"{word}) (b", f"{word}) S 1 (x", f"({word})"])
    dead = [f"{nonce.word(3)}) R 1 (", nonce.choice([") Z 2 (", "x) D 0"])]
    source = TREE % json.dumps([parent, None, [[name, 0, []] for name in dead]])
    running = box.start(box.probe(nonce.word(8), source))
    box.wait_for(settled(running, len(dead)), what="the children end")
    wanted, told = zombies(running), hunted(running)
    assert told == wanted, (
        f"zombies in /proc (pid, name, parent, parent's name): {wanted}\n"
        f"the hunter told:                               {told}\n"
        "In /proc/PID/stat a name may hold parentheses and blanks; only the last ')' ends it."
    )


@points(1, part="find")
def test_all_below_and_nobody_else(box, nonce):
    names = [nonce.word(8) for _ in range(6)]
    deep = [names[0], None, [[names[1], None, [[names[2], None, [[names[3], 0, []]]], [names[4], 0, []]]]]]
    churn = names[5]
    stranger = subprocess.Popen(["/bin/true"])  # a zombie, but the test's: not below the hunter
    try:
        tree, comers = box.probe(nonce.word(8), TREE % json.dumps(deep)), box.probe(nonce.word(8), CHURN % churn)
        running = box.start(tree, comers)
        os.waitid(os.P_PID, stranger.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
        box.wait_for(settled(running, 2, churn), what="the children end")
        box.wait_for(lambda: any(stat.comm == churn for stat in running.descendants()), what="processes come and go")
        wanted = deep_rows(running, names)
        for _ in range(20):
            told = hunted(running, churn)
            assert told == wanted, (
                f"zombies below the hunter (pid, name, parent, parent's name): {wanted}\nthe hunter told: {told}\n"
                "It must go down through all generations, and must not tell of zombies elsewhere on the machine."
            )
    finally:
        stranger.wait()


def deep_rows(running, names):
    """Return the two zombies of the deep tree, from the kernel."""
    stats = {stat.comm: stat for stat in running.descendants() if stat.comm in names[:5]}
    pairs = [(names[3], names[2]), (names[4], names[1])]
    return sorted([inside(stats[dead].pid), dead, inside(stats[parent].pid), parent] for dead, parent in pairs)

"""A program that ends, and one that does not wait: what the hunter tells, against the states in /proc."""

import json
from pathlib import Path

from courseware.exercises import points

# Be a tree of processes: [name, how it ends (None: it does not), children].
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
    os._exit(end)

be(json.loads(%r))
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


def hunt(running):
    """Ask for one hunt; return the answer."""
    running.write(b"hunt\n")
    return json.loads(running.read_line())


@points(2, part="reap", explain="LCM-PROC-06")
def test_an_own_zombie_is_reaped(box, nonce):
    code, dead, living = nonce.integer(1, 120), nonce.word(8), nonce.word(8)
    running = box.start(program(box, dead, code), program(box, living))
    box.wait_for(lambda: [stat.comm for stat in zombies(running).values()] == [dead], what="one program ends")
    box.wait_for(lambda: any(stat.comm == living for stat in running.descendants()), what="the other one runs")
    (wanted,) = [{"pid": inside(pid), "code": code} for pid in zombies(running)]
    answer = hunt(running)
    assert not zombies(running), (
        "after the hunt /proc still shows your child in state Z. It goes when its parent waits for it; it has ended "
        "already, and no signal can end it once more"
    )
    assert answer["reaped"] == [wanted], f"one child had ended with {code}; the hunter told {answer['reaped']}"
    assert hunt(running) == {"reaped": [], "left": []}, "the second hunt told of zombies, but /proc shows none"
    assert any(stat.comm == living for stat in running.descendants()), "the child that had not ended is gone"


@points(3, part="find", explain="LCM-PROC-06")
def test_the_zombies_of_others_and_their_parents(box, nonce):
    parent, dead = nonce.word(8), [nonce.word(8) for _ in range(nonce.integer(2, 4))]
    running = box.start(program(box, parent, None, [[name, 0, []] for name in dead]), program(box, nonce.word(8)))
    box.wait_for(lambda: sorted(stat.comm for stat in zombies(running).values()) == sorted(dead), what="they end")
    (bad,) = [stat for stat in running.descendants() if stat.comm == parent]
    wanted = sorted([inside(pid), stat.comm, inside(bad.pid), parent] for pid, stat in zombies(running).items())
    answer = hunt(running)
    told = sorted([entry["pid"], entry["name"], entry["parent"], entry["parent_name"]] for entry in answer["left"])
    assert told == wanted, (
        f"zombies in /proc (pid, name, parent, parent's name): {wanted}\n"
        f"the hunter told:                               {told}"
    )
    assert answer["reaped"] == [], (
        f"{parent} never waited, and nobody else can; the hunter says it reaped {answer['reaped']}"
    )
    assert len(zombies(running)) == len(dead), "the zombies are gone, so their parent must have ended: leave it alone"

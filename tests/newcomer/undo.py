"""The undo test: section 1's path on a newcomer's machine, killed half-way again and again; then ``course clean``.

    python3 tests/newcomer/undo.py [--no-build] [--keep]

Builds the machine from HEAD (in a root of its own), looks at it, types the commands of the README and of section 1,
does its exercises, kills commands in the middle, cleans up as the user and as root, and looks again. Prints what
differs; exit status 1 unless all of that was announced (packages, kernel modules) or is known. ``--keep``: leave the
machine running for a look. Ten to twenty minutes: the machine is emulated.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time

os.environ.setdefault("NEWCOMER", "undo")
os.environ.setdefault("NEWCOMER_ROOT", "root-undo")
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import machine  # noqa: E402 - after the machine has its name
import paste  # noqa: E402

LCM = "/home/learner/lcm"
PAGES = ["README.md", "section01_processes/README.md"]
EXERCISES = {"fork-tree": "fork_tree", "zombie-hunter": "zombie_hunter", "pipeline": "pipeline", "mybox": "mybox",
             "daemon": "daemon"}  # fmt: skip
#: Announced before they are installed (the script ``course``: LEARNER_PACKAGES), and what they need.
ANNOUNCED = ("python3-venv", "busybox-static", "nftables", "uidmap", "iproute2")
#: What nobody takes back, and why.
KNOWN = {
    **dict.fromkeys(
        ("new sysctl: net/netfilter/nf_", "new sysctl: net/nf_conntrack_max"), "of the kernel module nf_conntrack"
    ),
    "changed cgroup: /sys/fs/cgroup:": "handed on to our cgroups; under systemd they are from the beginning",
}
#: Commands that are killed in the middle, and when: see halfway.py.
KILLED = [
    ("prints=== 2", "sudo ./course demo"),
    ("prints=== 4", "sudo ./course demo"),
    ("process=minidocker/shim/__main__.py", "./course demo"),
    ("process=minidocker/shim/__main__.py", "sudo ./course run minidocker run -d --name half tiny sleep 1000"),
    ("process=LCM_LAB=1", "sudo ./course lab -- sleep 1000"),
    ("process=LCM_LAB=1", "./course lab -- sleep 1000"),
    ("file=/tmp/lcm-ex-*/scratch/*", "./course ex check proc-daemon"),
    ("file=/tmp/lcm-ex-*/scratch/*", "./course ex check proc-daemon"),
    ("file=/tmp/lcm-ex-*/scratch/*", "sudo ./course ex check proc-pipeline"),
    ("process=courseware.exercises.plugin", "./course ex check --sandbox proc-mybox"),
    ("file=/sys/fs/cgroup/lcm-ex-*", "sudo ./course ex check --sandbox proc-mybox"),
    ("process=sleep 1111", "./course ex run proc-mybox -- run -- sleep 1111"),
]


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


def typed(command: str, *, user: str = "learner", code: int | None = 0) -> str:
    """Type a command in the clone; say how it ended; return what it showed. ``code``: what it should end with."""
    began = time.monotonic()
    shown, status = machine.run(command, user=user)
    mark = f"   << {status}" if status and code is None else ""
    mark = mark if code in (None, status) else f"   << ended with {status}\n{shown[-800:]}"
    say(f"{time.monotonic() - began:6.1f} s  {user}: $ {command}{mark}")
    return shown


def look() -> dict[str, dict[str, str]]:
    """Return a snapshot of the machine."""
    _, status = machine.run(f"python3 -I /share/snapshot.py {LCM} > /share/look", user="root", seconds=900)
    if status:
        raise RuntimeError(f"the snapshot failed: {status}")
    with open(f"{machine.SHARE}/look", encoding="utf-8") as file:
        found: dict[str, dict[str, str]] = json.load(file)
    return found


def walk() -> None:
    """Go section 1's path, as its pages say."""
    for page in PAGES:
        with open(f"{machine.CLONE}/{page}", encoding="utf-8") as file:
            for line in (one for block in paste.blocks(file.read()) for one in block):
                command = paste.bare(line.command)
                if not command.startswith(paste.NOT_TYPED):
                    typed(paste.feed(command), code=None)
    for name, folder in EXERCISES.items():
        typed(f"./course ex start proc-{name}", code=None)
        typed(f"./course ex hint proc-{name}")
        typed(f"./course ex check proc-{name}", code=1)
        typed(f"./course ex reset proc-{name}")
        typed(f"cp section01_processes/exercises/{folder}/solution/*.py work/proc-{name}/")
    typed("./course ex check proc-fork-tree")
    typed("sudo ./course ex check proc-zombie-hunter")
    typed("sudo ./course demo")
    typed("sudo ./course run minidocker run -d --name whole tiny sleep 1000")
    typed("./course run minidocker system tiny")
    typed("./course run minidocker run -d --network none --name mine tiny sleep 1000")
    typed("sudo ./course lab -- true")
    typed("sudo ./course run nsman pin kept self --net --uts")
    for sudo in ("", "sudo "):
        typed(f"{sudo}./course run jailman create left --from host")


def kill() -> list[str]:
    """Kill commands half-way; return those that ended before."""
    wrong = []
    for until, command in KILLED:
        words = ["python3", "-I", "/share/halfway.py", "learner", LCM, until, command]
        shown = typed(shlex.join(words), user="root", code=None)
        if not shown.startswith("killed at"):
            wrong.append(f"{command}: {shown}")
            say(shown)
    for who, sudo in (("learner", ""), ("root", "sudo ")):
        typed(f"{sudo}./course run procman spawn --name watched --detach --restart always -- sleep 1000")
        typed(f"{sudo}./course run procman spawn --name orphan --detach -- sh -c 'sleep 1000; true'")
        shown = typed(f"{sudo}./course run procman status orphan --json")
        supervisor = json.loads(shown)["managed"]["supervisor"]
        typed(f"kill -9 -{supervisor}; kill -9 {supervisor}", user=who, code=None)
    return wrong


def differences(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> list[str]:
    """Return one line for each thing that differs."""
    lines = []
    for kind, old in before.items():
        new = after[kind]
        if kind == "process":  # a pid is nobody's name
            old, new = ({words: f"{list(x.values()).count(words)}" for words in x.values()} for x in (old, new))
        lines += [f"new {kind}: {name}: {new[name]}" for name in sorted(new.keys() - old.keys())]
        lines += [f"gone {kind}: {name}" for name in sorted(old.keys() - new.keys())]
        both = sorted(old.keys() & new.keys())
        lines += [f"changed {kind}: {name}: {old[name]} -> {new[name]}" for name in both if old[name] != new[name]]
    return lines


def judge(lines: list[str]) -> dict[str, list[str]]:
    """Return the lines by what they are: announced, known, or unexpected."""
    found: dict[str, list[str]] = {"announced": [], "known": [], "unexpected": []}
    for line in lines:
        if line.startswith(("new module: ", *(f"new package: {name}" for name in ANNOUNCED))):
            found["announced"].append(line)
        else:
            reason = next((why for begin, why in KNOWN.items() if line.startswith(begin)), "")
            found["known" if reason else "unexpected"].append(f"{line}   ({reason})" if reason else line)
    return found


def main(words: list[str]) -> int:
    """Do it all."""
    began = time.monotonic()
    if "--no-build" not in words:
        machine.build()
    machine.start()
    try:
        for name in ("snapshot.py", "halfway.py"):
            shutil.copy(f"{HERE}/{name}", machine.SHARE)
        machine.run("cd lcm")
        machine.run("./course run procman --help; sudo ./course run minidocker --help")
        before = look()
        say(f"{time.monotonic() - began:6.1f} s  first look: {sum(map(len, before.values()))} things")
        walk()
        wrong = kill()
        say(typed("./course clean"))
        say(typed("sudo ./course clean"))
        lines = differences(before, look())
    finally:
        if "--keep" not in words:
            machine.stop()
    found = judge(lines)
    say("\n".join([*(f"{what}: {line}" for what, some in found.items() for line in some), *wrong]))
    say(f"{len(found['unexpected'])} unexpected differences; {time.monotonic() - began:.0f} s")
    return 1 if found["unexpected"] or wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""CVE-2019-5736 against ``jailman enter`` and ``nsman enter``: the jail's programs want to write to our interpreter.

The first process of a jail's pid namespace takes all others along when the tool ends, and until then "busy" protects
the file. But a descriptor can leave a jail, by a socket: here the test is the one that takes it over. Without a pid
namespace of its own, or in a container that was there before us, a process that is left behind will do. Each attack
must succeed when the tool says to itself that it is protected (``-X protected``) and is not.
"""

import errno
import os
import pathlib
import re
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "program:busybox"), pytest.mark.timeout(60)]

BIN = pathlib.Path(sys.executable).parent
ORDINARY = 65534
AS_USER = ("setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups")
both = pytest.mark.parametrize("defence", [True, False])


class Jail:
    """A jail with the hostile root; every call starts a program in it and waits for its first line."""

    def __init__(self, state):
        self.state, self.root, self.started = state, state / "jail" / "root", []

    def command(self, *words):
        return ["--state", self.state, "enter", "jail", *words]

    def __call__(self, command):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        assert process.stdout.readline() == "holding\n"
        return process


@pytest.fixture
def jail(hostile, python):
    """Return the jail; it lies beside the interpreter. What still runs in it at the end reads the end of its input."""
    made = Jail(python.path.parent / "state")
    command = [BIN / "jailman", "--state", made.state, "create", "jail", "--from", hostile / "rootfs"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    yield made
    for process in made.started:
        process.communicate()


def first_program(pid):
    """Return the first descendant of ``pid`` that is busybox: what became of the tool's child, or of its child."""
    while pathlib.Path(f"/proc/{pid}/comm").read_text() != "busybox\n":
        pid = int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    return pid


def write(held):
    """Write to the file that descriptor ``held`` leads to; return the errno, or 0."""
    try:
        with open(f"/proc/self/fd/{held}", "ab", buffering=0) as file:
            file.write(b"overwritten")
    except OSError as error:
        return error.errno
    finally:
        os.close(held)
    return 0


@both
@pytest.mark.parametrize(("user", "refusal"), [((), errno.EROFS), (AS_USER, errno.EPERM)], ids=["root", "ordinary"])
def test_a_descriptor_that_leaves_the_jail_cannot_be_written_to(jail, python, user, refusal, defence):
    """Root's interpreter lies on a read-only mount, an ordinary user's is a sealed copy in memory."""
    (jail.root / "holding").touch()
    if user:
        subprocess.run(["chown", "-R", f"{ORDINARY}:{ORDINARY}", python.path.parent], check=True)
    process = jail([*user, *python.command("jailman", *jail.command("/entry"), defence=defence)])
    held = os.open(f"/proc/{first_program(process.pid)}/fd/3", os.O_PATH)
    process.communicate("\n")
    assert process.returncode == 0
    assert write(held) == (refusal if defence else 0)
    assert (python.digest() == python.before) == defence


def answer_of_the_orphan(jail, command, until):
    """Run ``command``, which attacks the interpreter that it runs on; return what the attack says afterwards."""
    orphan = jail.root / "orphan"
    orphan.touch()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=30)
    until(lambda: "append:" in orphan.read_text())
    return orphan.read_text().splitlines()[0]


def check(answer, python, *, defence):
    """Require what the attack should have got."""
    if defence:
        assert re.fullmatch("append: .*can't create /proc/self/fd/3: Read-only file system", answer)
    else:
        assert answer == "append: written"
    assert (python.digest() == python.before) == defence


@both
def test_a_process_that_a_chroot_leaves_behind_cannot_write_to_it(jail, python, until, defence):
    command = python.command("jailman", *jail.command("--method", "chroot", "/entry"), defence=defence)
    check(answer_of_the_orphan(jail, command, until), python, defence=defence)


@both
def test_a_container_that_nsman_enters_cannot_write_to_it(jail, python, until, defence):
    (jail.root / "holding").touch()
    container = jail([BIN / "jailman", *jail.command("/bin/busybox", "sh", "/attack")])
    command = python.command("nsman", "enter", first_program(container.pid), "/entry", defence=defence)
    check(answer_of_the_orphan(jail, command, until), python, defence=defence)

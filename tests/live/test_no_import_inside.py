"""No import after joining: from a container's first namespace to execve, no process of ours looks for a file to run.

A file opened there would be the container's: its code would run with the host's power. Counted with strace over a whole
life: run with a user and an init, exec without and with a terminal.
"""

import re
import subprocess

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "program:strace", "nft"), pytest.mark.timeout(120)]

CALLS = "%file,setns,unshare,pivot_root,clone,clone3,fork,vfork"
#: An import looks first: a stat of a folder of ours that is not there inside would be one, too.
CODE = re.compile(r'^\w+\(.*"[^"]*(\.pyc?|\.so(\.\d+)*|site-packages|__pycache__|/project(/[^"]*)?|lib/python[^"]*)"')
#: The shim has a mount namespace of its own, with the host's files: not counted. A pid namespace is the container's.
JOINS = re.compile(r"^(unshare\(.*CLONE_NEWPID|setns\(.*CLONE_NEW(NS|PID)|pivot_root\()")
EXECUTES = re.compile(r"^execve(at)?\(.* = 0$")
FORKS = re.compile(r"^(?:clone3?|v?fork)\(.*\) = (\d+)(?: /\* (\d+) in strace.s PID NS \*/)?$")


class Trace:
    """What the processes of one ``strace -ff`` did: who was in the container, and what was opened there."""

    def __init__(self, folder):
        self.calls = {int(p.suffix[1:]): p.read_text(errors="replace").splitlines() for p in folder.glob("trace.*")}
        self.born = set()  # inside: children of those that had joined
        while (more := {child for pid in self.calls for child in self.children(pid)}) - self.born:
            self.born |= more

    def inside(self, pid):
        """Return the calls of ``pid`` between joining and its execve; None if it never joined."""
        lines = self.calls[pid]
        begin = next((n for n, line in enumerate(lines) if JOINS.match(line) and line.endswith(" = 0")), None)
        if pid in self.born:
            begin = 0
        if begin is None:
            return None
        end = next((n for n, line in enumerate(lines) if n >= begin and EXECUTES.match(line)), len(lines))
        return lines[begin:end]

    def children(self, pid):
        """Return whom ``pid`` forked inside, as strace numbers them."""
        found = (FORKS.match(line) for line in self.inside(pid) or ())
        return {int(match[2] or match[1]) for match in found if match}


@pytest.fixture
def trace(minidocker, tmp_path):
    """Return the trace of a container's life; the tool's own commands for exec and rm are not traced, its shim is."""
    command = minidocker.command(
        "run", "-d", "--rm", "--init", "-u", "65534", "-v", "/volume", "-p", "127.0.0.1::80", "-m", "64m", "tiny",
        "sleep", "60",
    )  # fmt: skip
    strace = ["strace", "-ff", "-qq", "-e", f"trace={CALLS}", "--decode-pids=pidns", "-o", str(tmp_path / "trace")]
    with subprocess.Popen([*strace, *command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as tracer:
        identity = tracer.stdout.readline().strip()
        minidocker("exec", identity, "true")
        minidocker("exec", "-t", "-u", "0", "-w", "/tmp", identity, "true")
        minidocker("rm", "-f", identity)
        assert tracer.wait(timeout=60) == 0
    return Trace(tmp_path)


def test_no_file_of_code_is_looked_for_inside(trace):
    inside = {pid: lines for pid in trace.calls if (lines := trace.inside(pid)) is not None}
    assert [line for lines in inside.values() for line in lines if CODE.match(line)] == []
    assert len(inside) == 7  # the child, the init and its program; for each exec a helper and the program
    everything = [line for lines in trace.calls.values() for line in lines]
    assert any(CODE.match(line) for line in everything if "minidocker/shim/" in line)  # it knows one when it sees one

"""No import after joining: from a container's first namespace to execve, no process of ours looks for a file to run.

A file opened there would be the container's: its code would run with the host's power. Counted with strace over a whole
life: MiniDocker's run with a user and an init, exec without and with a terminal; nsman enter, and jailman enter by both
methods, also when they fail inside and have to say why.
"""

import pathlib
import re
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "program:strace", "nft"), pytest.mark.timeout(120)]

CALLS = "%file,setns,unshare,pivot_root,clone,clone3,fork,vfork"
#: An import looks first: a stat of a folder of ours that is not there inside would be one, too.
CODE = re.compile(r'^\w+\(.*"[^"]*(\.pyc?|\.so(\.\d+)*|site-packages|__pycache__|/project(/[^"]*)?|lib/python[^"]*)"')
#: The shim has a mount namespace of its own, with the host's files: not counted. A pid namespace is the container's.
JOINS = re.compile(r"^(unshare\(.*CLONE_NEWPID|setns\(.*CLONE_NEW(NS|PID)|pivot_root\(|chroot\()")
EXECUTES = re.compile(r"^execve(at)?\(.* = 0$")
FORKS = re.compile(r"^(?:clone3?|v?fork)\(.*\) = (\d+)(?: /\* (\d+) in strace.s PID NS \*/)?$")


BIN = pathlib.Path(sys.executable).parent


class Trace:
    """What the processes of one ``strace -ff`` did: who was in the container, and what was opened there."""

    def __init__(self, folder):
        self.calls = {int(p.suffix[1:]): p.read_text(errors="replace").splitlines() for p in folder.glob("trace.*")}
        self.born = set()  # inside: children of those that had joined
        while (more := {child for pid in self.calls for child in self.children(pid)}) - self.born:
            self.born |= more

    @staticmethod
    def command(folder):
        """Return how to run a command so that its trace is in ``folder``."""
        options = ["-ff", "-qq", "-e", f"trace={CALLS}", "--decode-pids=pidns", "-o", str(folder / "trace")]
        return ["strace", *options]

    def code_inside(self):
        """Return the calls that look for code inside, and how many processes were there."""
        inside = [lines for pid in self.calls if (lines := self.inside(pid)) is not None]
        return [line for lines in inside for line in lines if CODE.match(line)], len(inside)

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
    with subprocess.Popen(
        [*Trace.command(tmp_path), *command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as tracer:
        identity = tracer.stdout.readline().strip()
        minidocker("exec", identity, "true")
        minidocker("exec", "-t", "-u", "0", "-w", "/tmp", identity, "true")
        minidocker("rm", "-f", identity)
        assert tracer.wait(timeout=60) == 0
    return Trace(tmp_path)


def test_no_file_of_code_is_looked_for_inside(trace):
    assert trace.code_inside() == ([], 7)  # the child, the init and its program; for each exec a helper, the program
    everything = [line for lines in trace.calls.values() for line in lines]
    assert any(CODE.match(line) for line in everything if "minidocker/shim/" in line)  # it knows one when it sees one


@pytest.fixture
def jailman(tmp_path):
    """Return jailman's first words; there is a jail ``jail``, with a program ``/broken`` that cannot be executed."""
    words = [str(BIN / "jailman"), "--state", str(tmp_path / "state")]
    subprocess.run([*words, "create", "jail"], check=True, stdout=subprocess.DEVNULL)
    broken = tmp_path / "state" / "jail" / "root" / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    return words


def code_of(command, folder):
    """Run ``command`` under strace; return its exit code and what :meth:`Trace.code_inside` says."""
    folder.mkdir()
    done = subprocess.run([*Trace.command(folder), *command], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    trace = Trace(folder)
    everything = [line for lines in trace.calls.values() for line in lines]
    assert any(CODE.match(line) for line in everything if "section02_namespaces/" in line)
    return done.returncode, *trace.code_inside()


@pytest.mark.parametrize(("program", "code"), [("/bin/true", 0), ("/broken", 127)])
@pytest.mark.parametrize(("method", "inside"), [("pivot_root", 2), ("chroot", 1)])  # chroot: the init alone is there
def test_jailman_looks_for_no_code_in_a_jail(jailman, tmp_path, method, inside, program, code):
    command = [*jailman, "enter", "jail", "--method", method, program]
    assert code_of(command, tmp_path / "enter") == (code, [], inside)


@pytest.mark.parametrize(("program", "code"), [("/bin/true", 0), ("/broken", 127)])
def test_nsman_looks_for_no_code_in_a_container(jailman, tmp_path, program, code):
    command = [*jailman, "enter", "jail", "/bin/sh", "-c", "echo $$; read line"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as container:
        assert container.stdout.readline() == "1\n"
        pid = container.pid
        for _ in range(2):
            pid = int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text())
        found = code_of([str(BIN / "nsman"), "enter", str(pid), program], tmp_path / "enter")
        container.communicate("\n")
    assert found == (code, [], 2)

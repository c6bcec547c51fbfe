"""The isolation tester: real attempts against every method, and proof that it can be wrong neither way."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from section01_processes import spawn
from section04_filesystem import EVERYTHING, isolation_matrix
from section04_filesystem.isolation.inside import serve
from section04_filesystem.isolation.link import Link
from section04_filesystem.isolation.methods import METHODS, ForkedMethod, by_forgetful_pivot
from section04_filesystem.isolation.model import BROKEN, ESCAPED, NOT_APPLICABLE, STOPPED, Technique
from section04_filesystem.isolation.runner import all_methods
from section04_filesystem.isolation.techniques import TECHNIQUES, named, roots

pytestmark = [pytest.mark.lane("host", "guest"), pytest.mark.needs("root", "overlay")]
JAILMAN = [sys.executable, "-c", "from section04_filesystem.cli import main; main()", "test"]
PLANTED = """
from section04_filesystem.isolation.methods import ForkedMethod, by_forgetful_pivot
def methods():
    return [ForkedMethod("leaky", "a planted hole", ("old-root",), by_forgetful_pivot)]
"""


@pytest.fixture(scope="module")
def matrix():
    """The whole matrix: this section's methods and those of the sections above, MiniDocker's default among them."""
    return isolation_matrix(all_methods())


def escapes(matrix, method):
    return {cell.technique for cell in matrix.cells.values() if cell.method == method and cell.outcome == ESCAPED}


def test_every_control_escapes_so_the_detector_sees(matrix):
    for technique in TECHNIQUES:
        control = matrix.controls[technique.name]
        lacking = control.outcome == NOT_APPLICABLE and {"cgroup-v1", "loop", "sysrq"} & set(technique.needs)
        assert control.outcome == ESCAPED or lacking, (technique.name, control.mechanism)
    assert sum(control.outcome == ESCAPED for control in matrix.controls.values()) >= 16


def test_every_method_keeps_its_promises_and_no_attempt_failed_of_itself(matrix):
    assert [c.as_dict() for c in matrix.cells.values() if c.outcome == BROKEN] == []
    assert [c.as_dict() for c in matrix.against_promise()] == []
    assert matrix.exit_code() == 0


def test_chroot_is_no_isolation_and_minidocker_is(matrix):
    classics = {"double-chroot", "held-descriptor", "proc-root", "setns", "ptrace", "mount-over"}
    assert classics <= escapes(matrix, "chroot")
    assert "rename-out" in escapes(matrix, "chroot-user")  # no privilege is needed
    assert escapes(matrix, "minidocker") == set()
    assert not escapes(matrix, "pivot_root") & {"double-chroot", "rename-out", "setns", "proc-root", "ptrace"}
    assert {"held-descriptor", "abstract-socket"} <= escapes(matrix, "pivot_root+userns")  # so a runtime does more


def test_what_stopped_an_attempt_is_said_as_it_was(matrix):
    for cell in matrix.cells.values():
        assert cell.mechanism, cell.as_dict()
        if cell.outcome == STOPPED and not cell.errno:  # nothing failed: it led nowhere
            assert "RESOLVE_IN_ROOT" in cell.mechanism or "stayed" in cell.mechanism, cell.as_dict()
    said = {key: cell.mechanism for key, cell in matrix.cells.items()}
    assert said["double-chroot", "chroot-user"] == "EPERM: no CAP_SYS_CHROOT"
    assert said["double-chroot", "pivot_root"] == "ENOENT: the old root is gone"
    assert said["ptrace", "pivot_root"].startswith("ESRCH: pid namespace")
    assert "the jail's own user namespace only" in said["open-by-handle", "pivot_root+userns"]
    assert said["held-descriptor", "minidocker"] == "EBADF: the descriptor was closed before the program began"
    assert said["abstract-socket", "minidocker"].startswith("ECONNREFUSED: network namespace")
    assert "the seccomp filter refuses mount" in said["mount-over", "minidocker"]
    if matrix.cells["mknod", "minidocker"].outcome == STOPPED:
        assert said["mknod", "minidocker"] == "EPERM: the cgroup's device rules"


def test_the_races_were_raced(matrix):
    for name in ("symlink-race", "rename-race"):
        for method in ("pivot_root", "minidocker"):
            looks, _, kinds = matrix.cells[name, method].mechanism.partition(" looks: ")
            assert int(looks.split()[-1]) >= 80, matrix.cells[name, method].mechanism
            assert "the jail's own file" in kinds


def test_a_planted_hole_is_reported():
    method = ForkedMethod("leaky", "a planted hole", (EVERYTHING,), by_forgetful_pivot)
    found = isolation_matrix([method], [named("old-root"), named("double-chroot")])
    assert ("old-root", "leaky") in {(c.technique, c.method) for c in found.against_promise()}
    assert found.exit_code() == 1


@pytest.mark.lane("host")
def test_the_outsider_has_a_number_that_no_jail_has():
    """Else an attempt in a young pid namespace would trace itself, and its refusal would prove nothing."""
    found = isolation_matrix([METHODS[3]], [named("ptrace")])
    assert found.cells["ptrace", "pivot_root"].mechanism == "ESRCH: pid namespace: /proc shows no outsider"


def test_a_control_that_does_not_escape_is_a_broken_detector():
    found = isolation_matrix([METHODS[3]], [Technique(roots.double_chroot, control="pivot_root")])
    assert [c.mechanism for c in found.broken()] == ["ENOENT: the old root is gone"]
    assert found.exit_code() == 3


def test_a_method_that_cannot_confine_says_why():
    def enter(root, attempts):
        os.chroot(f"{root}/nowhere")
        return attempts.serve()

    found = isolation_matrix([ForkedMethod("lame", "", (), enter)], [named("setns")])
    assert "did not start: [Errno 2]" in found.cells["setns", "lame"].mechanism
    assert found.exit_code() == 3


def test_an_attempt_that_waits_for_ever_is_ended(in_child, tmp_path):
    def talk():
        (down, to_jail), (up, to_us) = os.pipe(), os.pipe()
        child = spawn(lambda: (os.close(to_jail), os.close(up), serve(Link(down, to_us)))[2])
        os.close(down)
        link = Link(up, to_jail)
        link.send({"work": str(tmp_path), "canary": "/none", "seconds": 0.2})
        answers = [link.receive() and "facts"]
        link.send({"attempt": "rename-out"})
        answers += [link.receive()["ask"], link.receive()["result"]["broken"]]  # the question gets no answer
        link.send({"attempt": "no-such"})
        answers.append(link.receive()["result"]["broken"])
        link.close()
        child.wait()
        return answers

    facts, asked, late, unknown = in_child(talk)
    assert (facts, asked) == ("facts", "rename-out")
    assert late.endswith("took too long")
    assert "no technique is called" in unknown


def jailman(*words, **options):
    return subprocess.run([*JAILMAN, *words], capture_output=True, text=True, check=False, **options)


@pytest.mark.lane("host")
def test_the_command_leaves_nothing(no_leaks):
    done = jailman("--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {"errno", "mechanism", "method", "outcome", "promised", "seconds", "technique"} == set(told["cells"][0])
    assert len(told["controls"]) == len(TECHNIQUES)
    assert len(told["cells"]) == len(TECHNIQUES) * (len(METHODS) + 1)


@pytest.mark.lane("host")
def test_a_method_of_another_package_is_found_and_its_hole_ends_with_1(tmp_path):
    (tmp_path / "planted.py").write_text(PLANTED)
    (tmp_path / "planted-1.dist-info").mkdir()
    (tmp_path / "planted-1.dist-info" / "METADATA").write_text("Name: planted\nVersion: 1\n")
    (tmp_path / "planted-1.dist-info" / "entry_points.txt").write_text("[lcm.isolation]\nplanted = planted:methods\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = jailman("--method", "leaky", "--technique", "old-root", env=environment)
    assert (done.returncode, "ESCAPED!" in done.stdout) == (1, True), done.stderr
    assert "against the promise: old-root from leaky" in done.stdout


@pytest.mark.lane("host")
def test_explain_and_wrong_names():
    done = jailman("--explain", "setns", "--method", "chroot", "--method", "pivot_root")
    assert done.returncode == 0, done.stderr
    assert "that resets the root" in done.stdout
    assert "promises to stop it  stopped: ENOENT: the old root is gone" in done.stdout
    for words in (["--method", "nosuch"], ["--technique", "nosuch"], ["--explain", "nosuch"]):
        done = jailman(*words)
        assert (done.returncode, "is called 'nosuch' (there are: " in done.stderr) == (125, True), done.stderr


@pytest.mark.lane("host")
@pytest.mark.needs("userns")
def test_an_ordinary_user_runs_what_he_can_and_is_told_what_not():
    done = jailman("--json", user=65534, group=65534, extra_groups=[])
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)["cells"]
    outcomes = {(cell["technique"], cell["method"]): cell["outcome"] for cell in cells}
    assert outcomes["double-chroot", "chroot"] == ESCAPED
    assert outcomes["double-chroot", "pivot_root"] == STOPPED
    left_out = {cell["mechanism"] for cell in cells if cell["outcome"] == NOT_APPLICABLE}
    assert left_out == {"needs root on the host"}


@pytest.mark.lane("host")
@pytest.mark.needs("userns")
def test_root_of_a_user_namespace_is_not_taken_for_the_hosts():
    words = ["--technique", "double-chroot", "--json", "--method", "chroot-user", "--method", "pivot_root+userns"]
    mapped = ["unshare", "--user", "--map-root-user", *JAILMAN, *words]
    done = subprocess.run(mapped, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = {cell["method"]: (cell["outcome"], cell["mechanism"]) for cell in json.loads(done.stdout)["cells"]}
    assert told["chroot-user"] == (NOT_APPLICABLE, "needs root on the host")
    assert told["pivot_root+userns"][0] == STOPPED


@pytest.mark.lane("host")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_test_leaves_nothing(no_leaks, number):
    """Killed, the stage goes with us; by Ctrl-C, it also removes the container that runs in it."""
    words = [] if number == signal.SIGINT else ["--method", "pivot_root"]
    with subprocess.Popen([*JAILMAN, *words], stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: jails_of(process.pid, "minidocker" if number == signal.SIGINT else "python"))
        process.send_signal(number)
    assert process.returncode == (130 if number == signal.SIGINT else -9)


def jails_of(pid, word):
    """Return the grandchildren of ``pid`` and those below, whose command line has ``word``."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        try:
            with open(f"/proc/{one}/task/{one}/children", encoding="ascii") as file:
                todo += file.read().split()
            with open(f"/proc/{one}/cmdline", encoding="utf-8", errors="replace") as file:
                found += [one] if one != pid and word in file.read() else []
        except OSError:
            continue
    return found[1:]


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)

"""The isolation tester's parts that need no jail: lines, conclusions, verdicts, text, and how outsiders read."""

import errno
import os

import pytest

from section04_filesystem import EVERYTHING, IsolationMethod
from section04_filesystem.isolation import accomplices, reasons, report
from section04_filesystem.isolation.link import Link
from section04_filesystem.isolation.methods import METHODS, WEAK_METHODS
from section04_filesystem.isolation.model import BROKEN, ESCAPED, NOT_APPLICABLE, STOPPED, Cell, Matrix, Stopped
from section04_filesystem.isolation.runner import judge
from section04_filesystem.isolation.techniques import TECHNIQUES, named

HOST = {"user": 1, "mnt": 2, "pid": 3, "net": 4, "cgroup": 5}


@pytest.fixture
def link():
    reader, writer = os.pipe()
    link = Link(reader, writer)
    yield link
    link.close()


def test_a_link_carries_whole_messages_whatever_the_pieces(link):
    link.send({"a": "ä\n" * 3})
    link.send({"b": [1, 2]})
    os.write(link.writer, b'{"c": ')
    assert link.receive() == {"a": "ä\n" * 3}
    assert link.waiting()
    assert link.receive() == {"b": [1, 2]}
    assert link.receive(0.0) is None  # half a line is no message
    os.write(link.writer, b"3}\n")
    assert link.receive() == {"c": 3}
    assert not link.waiting()


def facts(*own, caps=(), filtered=(), root_is_mount=True, apparmor=""):
    namespaces = {kind: inode + 100 * (kind in own) for kind, inode in HOST.items()}
    return {"namespaces": namespaces, "caps": caps, "filtered": filtered, "root_is_mount": root_is_mount,
            "apparmor": apparmor}  # fmt: skip


@pytest.mark.parametrize(
    ("stopped", "seen", "sentence"),
    [
        (Stopped("mknod", errno.EPERM, cap="CAP_MKNOD"), facts(), "EPERM: no CAP_MKNOD"),
        (Stopped("mknod", errno.EPERM, cap="CAP_MKNOD"), facts("user", caps=["CAP_MKNOD"]), "own user namespace"),
        (Stopped("mount", errno.EPERM, cap="CAP_SYS_ADMIN"), facts(filtered=["mount"]), "and CAP_SYS_ADMIN is missing"),
        (Stopped("mount", errno.EPERM), facts(filtered=["mount"]), "EPERM: the seccomp filter refuses mount"),
        (Stopped("open", errno.EPERM, about="device /x"), facts(), "the cgroup's device rules"),
        (Stopped("open", errno.EACCES, about="device /x"), facts(), "nodev"),
        (Stopped("mount", errno.EACCES, cap="CAP_SYS_ADMIN"), facts(caps=["CAP_SYS_ADMIN"], apparmor="p (enforce)"),
         "EACCES: mount: the AppArmor profile p (enforce)"),
        (Stopped("open", errno.EACCES, about="kernel file /proc/x"), facts("user"), "(user namespace)"),
        (Stopped("open", errno.EROFS, about="kernel file /proc/x"), facts(), "EROFS: mounted read-only"),
        (Stopped("open", errno.ENOENT, about="canary"), facts("mnt"), "ENOENT: the old root is gone"),
        (Stopped("open", errno.ENOENT, about="canary"), facts(root_is_mount=False), "still below the root"),
        (Stopped("ptrace", errno.ESRCH, about="outsider"), facts("pid"), "ESRCH: pid namespace"),
        (Stopped("ptrace", errno.ESRCH, about="outsider"), facts(), "ESRCH: ptrace"),
        (Stopped("connect", errno.ECONNREFUSED, about="abstract"), facts("net"), "network namespace"),
        (Stopped("connect", errno.ECONNREFUSED, about="abstract"), facts(), "ECONNREFUSED: connect"),
        (Stopped("fstat", errno.EBADF, about="held"), facts(), "closed before the program began"),
        (Stopped("rename", errno.EXDEV, about="moved out"), facts(), "a file system of its own"),
        (Stopped("mount", 0, about="not seen"), facts("mnt"), "stayed in the jail's mount namespace"),
    ],
)  # fmt: skip
def test_who_stopped_it_is_concluded_from_errno_and_facts(stopped, seen, sentence):
    assert sentence in reasons.why(stopped.as_dict(), seen, HOST)


def test_a_claim_without_its_proof_is_no_escape():
    nonce, seen, opened = named("double-chroot"), named("mount-over"), named("core-pattern")
    for technique, got, outside, outcome in [
        (nonce, "secret", False, ESCAPED),
        (nonce, "other", True, STOPPED),
        (seen, "seen", False, STOPPED),
        (seen, "", True, ESCAPED),
        (opened, "opened", False, ESCAPED),
        (opened, "secret", False, STOPPED),
    ]:
        assert judge(technique, {"got": got}, seen=outside, nonce="secret", facts={})[0] == outcome, technique.name
    assert judge(nonce, {"broken": "took too long"}, seen=False, nonce="secret", facts={}) == (BROKEN, "took too long")


def cell(outcome, technique="t", method="m", **more):
    return Cell(technique, method, outcome, "because", **more)


@pytest.mark.parametrize(
    ("tested", "control", "code"),
    [
        (cell(STOPPED, promised=True), cell(ESCAPED), 0),
        (cell(ESCAPED), cell(ESCAPED), 0),
        (cell(ESCAPED, promised=True), cell(ESCAPED), 1),
        (cell(STOPPED), cell(STOPPED), 3),
        (cell(ESCAPED, promised=True), cell(BROKEN), 3),
        (cell(BROKEN), cell(ESCAPED), 3),
        (cell(NOT_APPLICABLE, promised=True), cell(NOT_APPLICABLE), 0),
    ],
)
def test_exit_codes(tested, control, code):
    matrix = Matrix(["t"], ["m"], [tested], [control])
    assert matrix.exit_code() == code == matrix.as_dict()["exit_code"]


def test_the_text_fits_a_hundred_columns_and_says_all_outcomes():
    methods = ["a-long-name+with-more", *"bcdefg"]
    outcomes = [ESCAPED, STOPPED, NOT_APPLICABLE, BROKEN]
    techniques = [technique.name for technique in TECHNIQUES]
    cells = [
        Cell(t, m, outcomes[(i + k) % 4], f"reason {i} {k} " * 9, promised=bool(i % 2))
        for i, t in enumerate(techniques)
        for k, m in enumerate(methods)
    ]
    lines = report.matrix_lines(Matrix(techniques, methods, cells, [cell(BROKEN, t) for t in techniques]))
    assert max(map(len, lines)) <= report.WIDTH
    text = "\n".join(lines)
    for word in ("escaped", "ESCAPED!", "stopped 1", "n/a ", "BROKEN ", "+with-more", "the detector is broken"):
        assert word in text


def test_the_same_reason_has_one_number():
    cells = [Cell(t, "m", STOPPED, "because") for t in ("t", "u")]
    lines = report.matrix_lines(Matrix(["t", "u"], ["m"], cells, [cell(ESCAPED, t) for t in ("t", "u")]))
    assert [line for line in lines if line.endswith("because")] == [" 1  because"]
    assert sum("stopped 1" in line for line in lines) == 2


def test_every_technique_explains_itself_and_has_a_control_that_is_there():
    names = [technique.name for technique in TECHNIQUES]
    assert len(set(names)) == len(names)
    weak = {method.name for method in WEAK_METHODS}
    for technique in TECHNIQUES:
        assert technique.summary, technique.name
        assert len(technique.about) > 80, technique.name
        assert technique.control in weak
        assert len(technique.name) <= 17  # the column
    promised = [sum(method.promises(name) for name in names) for method in METHODS]
    assert promised == [0, 12, 10, 10, 15]
    assert all(IsolationMethod("x", "", (EVERYTHING,)).promises(name) for name in names)


def test_how_outsiders_read_a_file_of_a_jail(tmp_path):
    """Without a race the two naive ways refuse what is outside, as the safe one does: that is why they are believed."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "a" / "b", outside, root / "outside"):
        folder.mkdir(parents=True)
    (outside / "canary").write_text("secret")
    (root / "outside" / "canary").write_text("decoy")
    (root / "link").symlink_to(outside)
    for read in (accomplices.read_safely, accomplices.check_then_open, accomplices.walk_and_count):
        assert read(str(root), "/a/b/../../outside/canary") == b"decoy"
        with pytest.raises(OSError, match=r"No such|Not a dir|leads outside|symbolic links"):
            read(str(root), "/link/canary")
    assert accomplices.read_safely(str(root), "/../outside/canary") == b"decoy"
    for read in (accomplices.check_then_open, accomplices.walk_and_count):
        with pytest.raises(PermissionError, match="leads outside"):
            read(str(root), "/../outside/canary")

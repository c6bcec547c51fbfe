"""bind and remount, as a library and as commands: dressed before attached, by descriptors, with causes told."""

import errno
import os
import subprocess
import sys

import pytest

from section01_processes import Plan, Step
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import MountTable, mount, set_propagation, umount
from section04_filesystem.busy import who_uses
from section04_filesystem.changing import TREE, attach_mount, plan_bind, plan_remount

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]
JAILMAN = os.path.join(os.path.dirname(sys.executable), "jailman")


@pytest.fixture
def private(in_child, tmp_path):
    """Return a function that runs another one in a mount namespace of its own, with a tmpfs at ``tmp_path``."""

    def run(look):
        def child():
            unshare(CLONE_NEWNS)
            set_propagation("/", "rprivate")
            mount("tmpfs", str(tmp_path), "tmpfs")
            for name in ("src/below", "dst", "two\nlines and blanks"):
                os.makedirs(tmp_path / name)
            mount("tmpfs", str(tmp_path / "src/below"), "tmpfs")
            os.chdir(tmp_path)
            return look()

        return in_child(child)

    return run


def at(path):
    return MountTable.of().at(os.path.realpath(path))


def run(steps):
    Plan("cli", steps).run({})


def jailman(*words):
    done = subprocess.run([JAILMAN, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_read_only_bind_is_never_writable(private):
    """Looked at the moment it is attached: the step after it would be the second one of mount(2)'s two."""

    def look():
        steps = plan_bind("src", "dst", options=["ro", "nosuid"])
        assert steps[-1].act is attach_mount
        seen = []
        steps.insert(-1, Step(lambda tree: seen.append(os.access(f"/proc/self/fd/{tree}", os.W_OK)), TREE))
        run(steps)
        return seen, at("dst").flags[:2], at("dst/below"), os.access("src", os.W_OK)

    assert private(look) == ([False], ["ro", "nosuid"], None, True)


def test_recursive_means_mounts_and_their_attributes(private):
    def look():
        run(plan_bind("src", "dst", recursive=True, options=["ro", "unbindable"]))
        return at("dst").flags[0], at("dst/below").flags[0], at("dst/below").propagation, at("src/below").flags[0]

    assert private(look) == ("ro", "ro", "unbindable", "rw")


def test_a_target_with_a_newline_and_blanks(private):
    def look():
        status = jailman("bind", "src", "two\nlines and blanks", "--read-only", "--explain")
        return status, at("two\nlines and blanks").flags[0]

    (code, out, err), flag = private(look)
    assert (code, err, flag) == (0, "", "ro")
    assert "two calls" in out
    assert "move_mount(2)" in out


def test_a_dry_run_shows_the_steps_and_does_nothing(private):
    def look():
        return jailman("bind", "src", "dst", "--map", "0:100000:9", "--dry-run")[1], at("dst") is None

    text, nothing = private(look)
    assert nothing
    assert [line.split()[2].split("(")[0] for line in text.splitlines()] == ["clone_mount", "map_ids", "attach_mount"]


def test_remount_changes_what_it_names_and_nothing_else(private):
    def look():
        run(plan_bind("src", "dst", recursive=True, options=["noexec"]))
        run(plan_remount("dst", ["ro", "nosuid"]))
        first = at("dst").flags, at("dst/below").flags
        run(plan_remount("dst", ["rw", "shared"], recursive=True))
        return *first, at("dst").flags, at("dst/below").propagation[:6]

    top, below, again, kind = private(look)
    assert {"ro", "nosuid", "noexec"} <= set(top)
    assert {"rw", "noexec"} <= set(below)
    assert "nosuid" not in below
    assert {"rw", "nosuid", "noexec"} <= set(again)
    assert kind == "shared"


def refusals(look):
    """What jailman says to each of the command lines that ``look`` yields."""
    return [jailman(*words) for words in look]


def test_what_cannot_be_is_told_with_its_cause(private, tmp_path):
    def look():
        held = open("src/file", "w")
        run(plan_bind("src", "src"))
        writer = open("src/other", "w")
        answers = refusals(
            [
                ["remount", "src", "ro"],
                ["remount", "dst", "ro"],
                ["remount", "src", "size=5"],
                ["remount", "src", "relatime,bogus"],
                ["bind", "src", "no such"],
                ["bind", "no such", "dst"],
                ["bind", "src", "dst", "--map", "0:1"],
                ["bind", "src", "/dev/null"],
            ]
        )
        return [code for code, _, _ in answers], [err for _, _, err in answers], os.getpid(), (held.name, writer.name)

    codes, said, pid, _ = private(look)
    assert codes == [125, 125, 2, 2, 125, 125, 2, 125]
    words = [
        "written to by process",
        "nothing is mounted at 'dst'",
        "size=5",
        "bogus",
        "no such",
        "no such",
        "0:1",
        "file",
    ]
    for text, word in zip(said, words, strict=True):
        assert word in text
        assert "Traceback" not in text
    assert f"process {pid} (" in said[0]
    assert "bind it on itself" in said[1]


def test_who_may_not_mount_is_told_what_it_takes(private, tmp_path):
    """EPERM of an ordinary user is about his rights; it names the object even where that has no name."""

    def look():
        os.chmod(tmp_path, 0o755)
        os.setresuid(65534, 65534, 65534)
        return refusals([["bind", "src", "dst"], ["remount", "src/below", "ro"], ["remount", "", "ro"]])

    answers = private(look)
    assert [code for code, _, _ in answers] == [125, 125, 125]
    assert all("needs root, or a user and a mount namespace" in err for _, _, err in answers[:2])
    assert "remount ''" in answers[2][2]


def test_who_keeps_a_mount_busy_is_named(private):
    def look():
        os.chdir("src/below")
        with pytest.raises(OSError, match="busy"):
            umount("../below", detach=False)
        return who_uses("."), who_uses(".."), os.getpid()

    below, above, pid = private(look)
    assert f"process {pid} (" in below
    assert "is mounted on it" in above


def test_a_kernel_without_the_call_is_told(private, monkeypatch):
    """As under an old engine's seccomp filter: ENOSYS, which "Function not implemented" explains to nobody."""
    from section01_processes import SyscallError
    from section04_filesystem import _syscalls

    def missing(*arguments):
        raise SyscallError(errno.ENOSYS, "open_tree", arguments)

    monkeypatch.setattr(_syscalls, "open_tree", missing)

    def look():
        try:
            run(plan_bind("src", "dst"))
        except OSError as error:
            return error.errno, str(error)

    code, text = private(look)
    assert code == errno.ENOSYS
    assert "bind 'src'" in text
    assert "seccomp filter" in text


def test_an_unbindable_source(private):
    def look():
        run(plan_bind("src", "src", options=["unbindable"]))
        return jailman("bind", "src", "dst")

    code, _, err = private(look)
    assert code == 125
    assert "unbindable" in err

"""jailman mounts: trees, peer groups over namespaces, and two processes' tables compared."""

import json
import os
import subprocess
import sys

import pytest

from section01_processes import set_dumpable, spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import FilesystemError, MountTable, bind, mount, set_propagation
from section04_filesystem.cli.mounts import draw, quoted
from section04_filesystem.relations import View, compare_tables

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]
JAILMAN = os.path.join(os.path.dirname(sys.executable), "jailman")
ODD = "two\nlines and\tblanks # \\ \udcff"


def jailman(*words):
    done = subprocess.run([JAILMAN, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def family(in_child, tmp_path):
    """Run ``look(pid)`` in a namespace whose tmpfs at ``tmp_path`` is shared; pid: a child with a namespace of its own.

    The child has made ``slave`` a slave, ``ro`` read-only, and mounted at ``own``, below what it made private.
    """

    def parent(look):
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        mount("tmpfs", str(tmp_path), "tmpfs")
        for name in ("shared", "slave", "ro", "own", ODD):
            os.mkdir(tmp_path / name)
            mount("tmpfs", str(tmp_path / name), "tmpfs")
            set_propagation(str(tmp_path / name), "shared" if name in ("shared", "slave") else "private")
        bind(str(tmp_path / "shared"), str(tmp_path / "own"), recursive=False)
        ready, said = os.pipe()
        wait, go = os.pipe()

        def child():
            os.close(go)
            unshare(CLONE_NEWNS)
            set_propagation(str(tmp_path / "slave"), "slave")
            mount("", str(tmp_path / "ro"), flags=0x1000 | 0x20 | 1)  # MS_BIND|MS_REMOUNT|MS_RDONLY
            mount("tmpfs", str(tmp_path / "ro"), "tmpfs")
            os.write(said, b"x")
            os.read(wait, 1)

        with spawn(child) as born:
            os.read(ready, 1)
            try:
                return look(born.pid)
            finally:
                os.close(go)
                born.wait()

    return lambda look: in_child(lambda: parent(look))


def test_peers_are_found_over_namespaces(family, tmp_path):
    def look(pid):
        code, out, _ = jailman("mounts", "--peers", "--json", str(pid))
        answer = json.loads(out)
        ours = os.stat("/proc/self/ns/mnt").st_ino, os.stat(f"/proc/{pid}/ns/mnt").st_ino
        table = MountTable.of()
        numbers = [table.at(str(tmp_path / name)).number("shared") for name in ("shared", "slave")]
        return code, answer["groups"], ours, numbers, jailman("mounts", "--peers")[1]

    code, groups, (mine, theirs), (shared, slave), text = family(look)
    assert code == 0
    (group,) = [group for group in groups if group["group"] == shared]
    seen = {(member["namespace"], os.path.basename(member["target"])) for member in group["peers"]}
    assert seen == {(mine, "shared"), (mine, "own"), (theirs, "shared"), (theirs, "own")}
    (group,) = [group for group in groups if group["group"] == slave]
    assert [member["namespace"] for member in group["peers"]] == [mine]
    assert [(member["namespace"], member["target"]) for member in group["slaves"]] == [
        (theirs, str(tmp_path / "slave"))
    ]
    assert f"group {shared}\n" in text
    assert f"slave  {tmp_path}/slave  mnt:[{theirs}]" in text


def test_a_difference_names_what_differs_and_nothing_else(family, tmp_path):
    def look(pid):
        code, out, _ = jailman("mounts", "--diff", str(pid), "--json")
        return code, json.loads(out), jailman("mounts", "self", "--diff", str(os.getpid()))

    code, rows, same = family(look)
    assert code == 1
    by_target = {}
    for row in rows:
        by_target.setdefault(os.path.basename(row["target"]), []).append((row["what"], sorted(row["changes"])))
    assert by_target == {"ro": [("differs", ["flags"]), ("right", [])], "slave": [("differs", ["propagation"])]}
    assert same == (0, "", "")


def test_odd_names_stay_one_line_and_can_be_read_back(family, tmp_path):
    def look(pid):
        return jailman("mounts", str(pid)), jailman("mounts", str(pid), "--json")[1]

    (code, text, _), out = family(look)
    assert code == 0
    (line,) = [line for line in text.splitlines() if "lines and" in line]
    assert ascii(f"{tmp_path}/{ODD}") in line
    assert f"{tmp_path}/{ODD}" in [row["target"] for row in json.loads(out)]
    assert quoted("/plain") == "/plain"
    assert quoted("/a b") == "'/a b'"
    assert quoted("") == "''"


def test_bad_questions_are_answered_in_words():
    for words, said in [
        (["4000000000"], "no process 4000000000"), (["no-such-name"], "not the name of a running container"),
        (["--peers", "--tree"], "exclude each other"), (["--diff", "x x"], "not the name"),
    ]:  # fmt: skip
        code, out, err = jailman("mounts", *words)
        assert (code in (2, 125), out) == (True, "")
        assert said in err
        assert "Traceback" not in err


def test_who_has_gone_and_who_is_not_ours():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(FilesystemError, match="zombie"):
        MountTable.of(pid)
    os.waitpid(pid, 0)
    with pytest.raises(FilesystemError, match="there is no process"):
        MountTable.of(pid)


def test_a_strangers_table_is_for_all_to_read_where_proc_hides_nobody(in_child):
    """Mode 0444, unlike /proc/PID/ns: what is mounted is no secret, unless proc is mounted with hidepid."""

    def ask(hide):
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        mount("proc", "/proc", "proc", data="hidepid=invisible") if hide else None
        os.setgroups([])  # sudo leaves group 0, and hidepid hides nothing from the group of its option gid=, 0 if none
        os.setresgid(1, 1, 1)
        os.setresuid(1, 1, 1)
        return len(MountTable.of(1))

    assert in_child(lambda: ask(False)) > 0
    with pytest.raises(in_child.error, match="there is no process 1"):
        in_child(lambda: ask(True))


def test_another_users_namespaces_are_counted_not_guessed(in_child):
    def look():
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        set_dumpable(1)  # as after an execve: our own link is ours to see, everybody else's is root's
        view = View.of_all(os.getpid())
        return list(view.tables) == [os.getpid()], view.hidden > 0

    assert in_child(look) == (True, True)


def test_a_table_of_ten_thousand_is_drawn_and_compared_without_recursion():
    lines = [f"{n} {n - 1} 0:{n} / {'/d' * min(n - 1, 300) or '/'} rw - tmpfs t rw" for n in range(1, 10_001)]
    table = MountTable.parse("\n".join(lines))
    drawn = draw([(min(depth, 50), mount) for depth, mount in table.walk()])
    assert len(drawn) == 10_000
    other = MountTable.parse("\n".join(lines[:-1]))
    assert [row["what"] for row in compare_tables(table, other)] == ["left"]


def test_the_drawing():
    text = "1 0 0:1 / / rw - a a rw\n2 1 0:2 / /x rw - b b rw\n3 2 0:3 / /x/y rw - c c rw\n"
    text += "4 1 0:4 /s /z ro shared:3 - d  rw\n"
    assert draw(list(MountTable.parse(text).walk())) == [
        "/  a a rw  [private]",
        "├─ /x  b b rw  [private]",
        "│  └─ /x/y  c c rw  [private]",
        "└─ /z  d of /s ro  [shared:3]",
    ]

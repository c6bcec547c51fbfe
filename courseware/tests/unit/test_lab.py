"""The module `lab` as an answer imports it: alone, with the machine's own Python."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import courseware
import section02_namespaces
from courseware.exercises.place import interpreter
from section04_filesystem.core import flags as mount_flags

LAB = Path(courseware.__file__).parent.parent / "lab.py"


def run(source, *flags):
    words = [interpreter(), "-s", "-B", *flags, "-c", source]
    return subprocess.run(words, env={"PYTHONPATH": str(LAB.parent)}, capture_output=True, text=True, check=False)


def test_a_todo_ends_with_its_status_and_one_line():
    done = run("import atexit, lab; atexit.register(print, 'end'); print('begin'); raise lab.Todo('the tree')")
    assert (done.returncode, done.stdout, done.stderr) == (100, "begin\nend\n", "todo: the tree\n")


def test_a_todo_in_a_forked_child_ends_that_child():
    fork = "import lab, os\npid = os.fork()\n"
    done = run(fork + "if not pid: raise lab.Todo('child')\nprint(os.waitpid(pid, 0)[1] >> 8)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "100\n", "todo: child\n")


def test_other_exceptions_are_shown_as_usual():
    done = run("import lab; {}['x']")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")


@pytest.mark.parametrize(
    ("call", "about"),
    [
        ("setns(0, CLONE_NEWUTS)", "descriptor 0"),
        ("umount('/no/such')", "/no/such"),
        ("mount('/a', '/no/such', flags=MS_BIND)", "/a -> /no/such"),
        ("pivot_root('/no', '/no/old')", "/no -> /no/old"),
        ("unshare(0x1)", "0x1"),
    ],
)
def test_an_error_names_call_reason_and_object(call, about):
    done = run(f"from lab import *\ntry: {call}\nexcept OSError as error: print(error.errno, error)")
    number, _, text = done.stdout.partition(" ")
    name = call.partition("(")[0]
    assert text == f"[Errno {number}] {name}: {os.strerror(int(number))}: {about!r}\n", done


@pytest.mark.needs("userns")
def test_namespaces_mounts_and_names_in_a_user_namespace(tmp_path):
    (tmp_path / "old").mkdir()
    done = run(f"""
import os
from lab import *
uid, gid = os.getuid(), os.getgid()
unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWUTS)
for name, text in (("uid_map", f"0 {{uid}} 1"), ("setgroups", "deny"), ("gid_map", f"0 {{gid}} 1")):
    with open(f"/proc/self/{{name}}", "w") as file: file.write(text)
sethostname("fresh")
print(os.uname().nodename)
mount("none", "/", flags=MS_REC | MS_PRIVATE)
mount("new", {str(tmp_path)!r}, "tmpfs", MS_NOSUID, "size=1M")
os.mkdir({str(tmp_path / "old")!r})
pivot_root({str(tmp_path)!r}, {str(tmp_path / "old")!r})
os.chdir("/")
umount("/old", MNT_DETACH)
print(os.listdir("/"), os.listdir("/old"))
""")
    assert (done.stdout, done.stderr) == ("fresh\n['old'] []\n", "")


def test_a_subreaper_gets_the_orphan():
    done = run("""
import os
from lab import set_subreaper
set_subreaper()
reader, writer = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.read(reader, 1)
        os._exit(7)
    os._exit(0)
os.wait()
os.write(writer, b"x")
print(os.waitstatus_to_exitcode(os.wait()[1]))
""")
    assert (done.stdout, done.stderr) == ("7\n", "")


def test_a_death_signal_comes_when_the_parent_ends():
    done = run("""
import os, signal
from lab import set_death_signal
reader, writer = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
        set_death_signal(signal.SIGUSR1)
        os.write(writer, b"x")
        signal.pause()
    os.read(reader, 1)
    os._exit(0)
os.wait()
""")
    assert (done.returncode, done.stderr) == (0, "")


def test_its_constants_are_the_kernels():
    values = {}
    hook = sys.excepthook
    exec(compile(LAB.read_text(), "lab", "exec"), values)
    sys.excepthook = hook
    ours = {name: value for name, value in values.items() if name.startswith("CLONE_NEW")}
    assert sorted(ours.values()) == sorted(kind.flag for kind in section02_namespaces.KINDS)
    assert ours["CLONE_NEWUSER"] == section02_namespaces.flags_of(["user"])
    known = {name: value for name, value in vars(mount_flags).items() if name.startswith("MS_") and name in values}
    assert len(known) > 5
    assert {name: values[name] for name in known} == known


def test_it_stands_alone_and_is_short():
    tree = ast.parse(LAB.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= set(sys.stdlib_module_names) | {"__future__"}
    code = [line for line in LAB.read_text().splitlines() if line.strip() and not line.strip().startswith("#")]
    assert len(code) <= 100

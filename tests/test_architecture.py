"""The house's rules, checked: layers, style, types, budgets of size."""

import ast
import importlib
import pathlib
import pkgutil
import re
import subprocess
import sys

import pytest

CLONE = pathlib.Path(__file__).parents[1]
TOOLS = pathlib.Path(sys.executable).parent
PROJECTS = sorted(p for p in CLONE.glob("*/project") if p.is_dir())


def run(*command):
    done = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]


def test_the_layers_hold():
    run(TOOLS / "lint-imports", "--no-cache")


def test_ruff_has_nothing_to_say():
    run(TOOLS / "ruff", "check", "--no-cache", ".")
    run(TOOLS / "ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.timeout(600)
def test_types_are_strict_and_right():
    run(TOOLS / "mypy", "--cache-dir", CLONE / ".course" / "mypy", *PROJECTS)


def test_every_package_is_in_the_import_contracts():
    text = (CLONE / ".importlinter").read_text()
    for project in PROJECTS:
        for package in project.iterdir():
            if (package / "__init__.py").exists():
                assert f"\n    {package.name}\n" in text, f"{package.name} is not in .importlinter"


def clashes(package, folder):
    """Return which names that the package loads on first use are names of its modules or subpackages, too."""
    module = importlib.import_module(package)
    return sorted(set(module._WHERE) & {found.name for found in pkgutil.iter_modules([str(folder)])})


def test_no_name_of_a_surface_is_the_name_of_a_module():
    """Python sets a module, once imported, as an attribute of its package: there it hides what loads on first use."""
    surfaces = {}
    for project in PROJECTS:
        for path in project.rglob("__init__.py"):
            if "lazy_exports(__name__" in path.read_text():
                package = ".".join(path.parent.relative_to(project).parts)
                surfaces[package] = clashes(package, path.parent)
    assert {f"section{n:02}" for n in range(1, 11)} <= {package.partition("_")[0] for package in surfaces}
    assert {package: names for package, names in surfaces.items() if names} == {}


def test_a_clash_of_names_is_seen(tmp_path, monkeypatch):
    package = tmp_path / "clashing"
    (package / "deep").mkdir(parents=True)
    for name in ("plain.py", "clear.py", "deep/__init__.py"):
        (package / name).touch()
    (package / "__init__.py").write_text("_WHERE = {'plain': 'deep', 'deep': 'plain', 'other': 'clear'}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert clashes("clashing", package) == ["deep", "plain"]


def test_no_file_is_too_long_to_be_read():
    files = [p for project in PROJECTS for p in project.rglob("*.py")]
    assert {str(p.relative_to(CLONE)): n for p in files if (n := len(p.read_text().splitlines())) > 350} == {}


def test_examples_have_one_idea_each():
    for path in sorted(CLONE.glob("*/examples/*.py")):
        text = path.read_text()
        assert len(text.splitlines()) <= 60, f"{path} is longer than 60 lines"
        for word in ("Run:", "Needs:", "You should see:"):
            assert word in (ast.get_docstring(ast.parse(text)) or ""), f"{path}: no {word!r} in its docstring"


#: What floors 1, 2 and 4 own: whoever else makes such a call holds process, namespace or mount code of his own.
OS_CALLS = {
    *("fork", "forkpty", "posix_spawn", "posix_spawnp", "execv", "execve", "execvp", "execvpe", "system", "popen"),
    *("wait", "wait3", "wait4", "waitpid", "waitid", "kill", "killpg", "pidfd_open", "_exit", "unshare", "setns"),
    *("setsid", "setpgid", "tcsetpgrp", "setuid", "setgid", "setresuid", "setresgid", "setgroups", "initgroups"),
    *("chroot", "mknod", "openpty", "ptsname", "login_tty", "dup2", "set_inheritable", "nice", "setpriority"),
}
CALL_WORDS = {"mount", "umount", "umount2", "pivot_root", "unshare", "setns", "clone", "clone3", "prctl", "open_tree",
              "move_mount", "fsopen", "fsmount", "mount_setattr", "openat2", "pidfd_getfd"}  # fmt: skip
CONSTANTS = re.compile(r"^(CLONE|MS|MNT|MOUNT_ATTR|RESOLVE|PR|OPEN_TREE|MOVE_MOUNT|FSCONFIG)_[A-Z_]+$")
FILES = re.compile(r"^/proc/(self|thread-self|0)/(.*/)?(ns/|mountinfo|mounts|uid_map|gid_map|setgroups|stat$|status$"
                   r"|task/|children|cmdline|timens_offsets|exe$)")  # fmt: skip
MODULES = {"subprocess", "pty", "multiprocessing", "psutil"}

OURS = "section 2's open_namespace or stat is told where to look"
#: The floors' own subjects, and what stands on another floor all the same: file -> {what: why}.
ALLOWED = {
    "section05_images/project/section05_images/core/whiteouts.py": {"os.mknod": "a whiteout *is* a device 0:0"},
    "section05_images/project/section05_images/special.py": {"os.mknod": "a layer brings devices and pipes"},
    "section06_network/project/section06_network/cli.py": {"file /proc/0/ns/net": OURS},
    "section06_network/project/section06_network/core/netlink.py": {"file /proc/thread-self/ns/net": OURS},
    "section06_network/project/section06_network/doctor.py": {"file /proc/self/ns/net": OURS},
    "section06_network/project/section06_network/endpoint.py": {"file /proc/thread-self/ns/net": OURS},
    "section06_network/project/section06_network/programs.py": {
        "os.posix_spawn": "nft at each start of a container: vfork's speed, where spawn() copies Python's memory",
        "os.waitpid": "of that child, which has no pidfd",
    },
    "section07_security/project/section07_security/_syscalls.py": {
        "call prctl": "capabilities and no_new_privs are prctl(2)'s",
        "constant PR_*": "and these are their numbers",
    },
    "section07_security/project/section07_security/core/capabilities.py": {
        "file /proc/0/status": "its lines Cap… are the five sets"
    },
    "section08_oci/project/section08_oci/core/family.py": {
        "os._exit": "where a forked process ends: it must never return into the caller's stack"
    },
    "section08_oci/project/section08_oci/inside.py": {"file /proc/self/ns/net": OURS},
    "section09_init/project/section09_init/core/init.py": {
        "os.fork": "an init's subject; it runs under the container's filter, which may forbid a pidfd",
        "os.waitpid": "an init's subject",
        "os.kill": "it passes signals on to its child, which it alone waits for",
        "os._exit": "it ends as its program ended",
        "os.setpgid": "the program is the leader of the terminal's foreground group",
        "os.tcsetpgrp": "the same",
    },
    "section09_init/project/section09_init/launch.py": {"constant MS_*": "for section 4's mount()"},
    "capstone/project/minidocker/cli/__init__.py": {
        "os._exit": "the command's own end; taking the interpreter down would cost a fifth of an exec",
        "os.dup2": "the reader of our output has gone: what is buffered has to go somewhere",
    },
    "capstone/project/minidocker/engine/create.py": {"file /proc/0/ns/net": "a path of config.json, for ociman"},
    "capstone/project/minidocker/shim/main.py": {"os.set_inheritable": "close-on-exec again for what it inherited"},
    "capstone/project/minidocker/engine/isolation.py": {"subprocess": "minidocker itself, as a user starts it"},
}


def own_calls(path):
    """Yield what the file does by itself of what floors 1, 2 and 4 are for; an f-string's values count as 0."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr=name) if name in OS_CALLS:
                yield f"os.{name}"
            case ast.ImportFrom(module="os", names=names):
                yield from (f"os.{alias.name}" for alias in names if alias.name in OS_CALLS)
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in MODULES)
            case ast.Call(func=ast.Name(id="prototype" | "syscall"), args=[ast.Constant(value=name), *_]) if (
                name in CALL_WORDS
            ):
                yield f"call {name}"
            case ast.Assign(targets=targets):
                names = [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
                yield from (f"constant {CONSTANTS.match(name)[1]}_*" for name in names if CONSTANTS.match(name))
            case ast.JoinedStr(values=values):
                text = "".join(str(value.value) if isinstance(value, ast.Constant) else "0" for value in values)
                if FILES.match(text):
                    yield f"file {text}"
            case ast.Constant(value=str(text)) if FILES.match(text):
                yield f"file {text}"


@pytest.mark.parametrize("section", [*(f"section{n:02}_*" for n in (5, 6, 7, 8, 9, 10)), "capstone"])
def test_no_process_namespace_or_mount_code_but_on_its_own_floor(section):
    """Floors 1, 2 and 4 own it; floor 3 stands beside them (what kills a cgroup's members is its subject)."""
    (folder,) = CLONE.glob(section)
    found = {}
    for path in sorted((folder / "project").rglob("*.py")):
        for what in own_calls(path):
            found.setdefault(str(path.relative_to(CLONE)), set()).add(what)
    assert found == {name: set(why) for name, why in ALLOWED.items() if name.startswith(f"{folder.name}/")}


def test_the_detector_of_such_code_sees_each_kind(tmp_path):
    source = """
import os, subprocess
from os import waitpid
MS_BIND, MS_REC = 1, 2
CLONE_NEWNS = 3
libc_mount = prototype("mount")
os.fork()
open(f"/proc/{pid}/mountinfo")
os.readlink("/proc/self/ns/mnt")
"""
    (tmp_path / "x.py").write_text(source)
    assert set(own_calls(tmp_path / "x.py")) == {
        *("subprocess", "os.waitpid", "constant MS_*", "constant CLONE_*", "call mount", "os.fork"),
        *("file /proc/0/mountinfo", "file /proc/self/ns/mnt"),
    }

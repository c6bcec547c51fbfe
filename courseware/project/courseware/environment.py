"""The clone's Python environments, and the launchers of the tools in them.

Environments stand beside each other in ``.venvs/1``, ``.venvs/2`` …; ``.venv`` is a symbolic link to the one in use. A
new one is built beside it and becomes ``.venv`` by one rename(2): who runs from the old one keeps it, who starts gets
one that is whole, and a preparation that was killed has changed nothing. An environment is removed by a later
preparation, when nothing runs from it.

A launcher (``.venv/bin/procman`` … ``.venv/bin/minidocker``) is ours, not pip's, because it is on the path of every
container start: it runs the interpreter with ``-I -S`` (isolated, without the site module: 6 ms instead of 8, and no
``.pth`` file is read) and a fixed list of folders. Runs with the standard library alone, on the machine's own Python:

    python -I -S environment.py new CLONE         make an empty folder for an environment, and print its path
    python -I -S environment.py equip CLONE ENV   write its launchers, when the packages are installed
    python -I -S environment.py use CLONE ENV     make it the one in use
    python -I -S environment.py sweep CLONE       remove those that are not in use

``new``, ``use`` and ``sweep`` are for the one process that holds the lock of the set-up.

What belongs here: how a tool's interpreter starts, and which environment it starts from. What does not: what is
installed (the ``course`` script).
"""

from __future__ import annotations

import os
import shutil
import sys

TOOLS = {
    "procman": "section01_processes.cli",
    "nsman": "section02_namespaces.cli",
    "cgman": "section03_cgroups.cli",
    "jailman": "section04_filesystem.cli",
    "imgman": "section05_images.cli",
    "netman": "section06_network.cli",
    "secman": "section07_security.cli",
    "ociman": "section08_oci.cli",
    "initman": "section09_init.cli",
    "orchman": "section10_orchestration.cli",
    "minidocker": "minidocker.cli",
    "course-tool": "courseware.cli",
}

# The kernel takes 127 characters after "#!" and splits at the first blank: such paths start through /bin/sh.
TEMPLATE = """{shebang}
import sys
sys.path += {paths!r}
import os
if os.stat({top!r}).st_uid != os.geteuid():
    sys.dont_write_bytecode = True  # root's runs leave no files in the owner's clone
from {module} import main
if __name__ == "__main__":
    sys.argv[0] = {name!r}
    sys.exit(main())
"""

# Python takes `.venv/bin/python` at its word: its prefix would be `.venv`, whatever that leads to tomorrow. Read by the
# site module when an interpreter starts: from then on it belongs to the environment that it was started from.
PIN = """import os
import sys

was, real = sys.prefix, os.path.realpath(sys.prefix)


def settled(path):
    return real + path[len(was) :] if path.startswith(was + "/") else path


def settle():  # the site module calls it twice, and adds our folder each time
    sys.path[:] = dict.fromkeys(map(settled, sys.path))
    sys.executable = settled(sys.executable)
    sys.prefix = sys.exec_prefix = real
"""


# ---- launchers ------------------------------------------------------------------------------------------------------


def shebang(python: str) -> str:
    """Return the first lines of a script that starts ``python -I -S`` on it, whatever characters the path has."""
    if " " not in python and len(python) < 100:
        return f"#!{python} -IS"
    quoted = python.replace("'", "'\"'\"'")
    return f"#!/bin/sh\n'''exec' '{quoted}' -I -S \"$0\" \"$@\"\n' '''"


def source_roots(top: str) -> list[str]:
    """Return the ``project`` folders of the clone at ``top``, the capstone's and the courseware's included."""
    names = sorted(n for n in os.listdir(top) if os.path.isdir(os.path.join(top, n, "project")))
    return [os.path.join(top, name, "project") for name in names]


def write_launchers(top: str, environment: str) -> list[str]:
    """Write one launcher per tool into ``environment/bin`` and return their paths; ``top`` is the clone."""
    binaries = os.path.join(environment, "bin")
    paths = [*source_roots(top), packages_of(environment)]
    written = []
    for name, module in TOOLS.items():
        text = TEMPLATE.format(
            shebang=shebang(os.path.join(binaries, "python")), paths=paths, top=top, module=module, name=name
        )
        path = os.path.join(binaries, name)
        with open(path + ".new", "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        os.chmod(path + ".new", 0o755)
        os.replace(path + ".new", path)
        written.append(path)
    return written


def write_pin(environment: str) -> None:
    """Make every interpreter of ``environment`` stay in it, also when it was started as ``.venv/bin/python``."""
    for name, text in (("course_pin.py", PIN), ("course_pin.pth", "import course_pin; course_pin.settle()\n")):
        with open(os.path.join(packages_of(environment), name), "w", encoding="utf-8") as file:
            file.write(text)


def packages_of(environment: str) -> str:
    """Return the ``site-packages`` of ``environment``, which was made by this very version of Python."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return os.path.join(environment, "lib", version, "site-packages")


# ---- environments beside each other ---------------------------------------------------------------------------------


def environments(top: str) -> dict[int, str]:
    """Return number → folder of what stands in ``.venvs`` of the clone ``top``, whole or not."""
    place = os.path.join(top, ".venvs")
    names = os.listdir(place) if os.path.isdir(place) else []
    return {int(name): os.path.join(place, name) for name in names if name.isdecimal()}


def new(top: str) -> str:
    """Make the folder of the next environment and return its path. Raises OSError."""
    place = os.path.join(top, ".venvs")
    os.makedirs(place, exist_ok=True)
    folder = os.path.join(place, str(1 + max(environments(top), default=0)))
    os.mkdir(folder)
    return folder


def use(top: str, environment: str) -> None:
    """Make ``.venv`` lead to ``environment``, in one step; remove a real folder of that name. Raises OSError."""
    name, link = os.path.join(top, ".venv"), os.path.join(top, ".venvs", "link")
    discard(link)
    os.symlink(os.path.relpath(environment, top), link)
    if not os.path.isdir(name) or os.path.islink(name):
        os.rename(link, name)
        return
    aside = _aside(top)  # a folder, of an earlier version: no rename(2) puts a link in its place
    discard(aside)
    os.rename(name, aside)
    try:
        os.rename(link, name)
    except OSError:
        os.rename(aside, name)
        raise
    discard(aside)  # who still runs from it finds through .venv what it imports from now on


def _aside(top: str) -> str:
    return os.path.join(top, ".venvs", "before")


def discard(path: str) -> None:
    """Remove ``path``, whatever it is, as far as we may."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)


def sweep(top: str) -> list[str]:
    """Remove the environments that ``.venv`` does not lead to and nothing runs from; return their folders."""
    name, aside = os.path.join(top, ".venv"), _aside(top)
    if os.path.isdir(aside) and not os.path.lexists(name):  # killed between the two steps of use()
        os.rename(aside, name)
    discard(aside)
    used = os.path.realpath(name)
    there = {folder for folder in environments(top).values() if os.path.realpath(folder) != used}
    gone = sorted(there - running(top, there)) if there else []
    for folder in gone:
        discard(folder)
    return gone


def running(top: str, folders: set[str]) -> set[str]:
    """Return those of ``folders`` that a process runs from: its executable is one of theirs, or its words name them.

    Executables are compared by device and inode, so that a bind mount or a chroot hides none. Of a process that is not
    ours to look at only the words are known: if they name ``.venv``, it may run from any whole environment.
    """
    programs = {}
    for folder in folders:
        for name in ("python", "python3", f"python3.{sys.version_info.minor}"):
            try:
                found = os.stat(os.path.join(folder, "bin", name))
            except OSError:
                continue
            programs[found.st_dev, found.st_ino] = folder
    whole = {folder for folder in folders if os.path.exists(os.path.join(folder, ".stamp"))}
    busy: set[str] = set()
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = os.fsdecode(file.read())
            busy |= {folder for folder in folders if f"{folder}/" in words}
            program = os.stat(f"/proc/{pid}/exe")
            busy |= {programs[key] for key in [(program.st_dev, program.st_ino)] if key in programs}
        except PermissionError:
            busy |= whole if f"{top}/.venv/" in words else set()
        except OSError:  # it has ended, or is a kernel thread
            continue
    return busy


def main(words: list[str]) -> int:
    """Do what the command line says (see above); return an exit status."""
    command, top = words[0], os.path.abspath(words[1])
    try:
        if command == "new":
            sys.stdout.write(new(top))
        elif command == "equip":
            write_launchers(top, words[2])
            write_pin(words[2])
        elif command == "use":
            use(top, words[2])
        else:
            sweep(top)
    except OSError as error:
        sys.stderr.write(f"course: {error.filename2 or error.filename}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

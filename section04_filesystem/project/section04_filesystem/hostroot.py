"""A root file system made from the host: busybox if there is one, else a shell and programs with their libraries.

Nothing of the host is executed for it: programs are read, not asked.

What belongs here: choosing and copying. What does not: reading ELF (``elf.py``), ``#!`` lines (``scripts.py``) and
busybox (``busybox.py``), finding libraries (``libraries.py``).
The result is reproducible: the same host gives the same bytes, modes, owners (root, when root builds) and times
(SOURCE_DATE_EPOCH, else 0).
"""

from __future__ import annotations

import os
import shutil

from .busybox import applet_names
from .errors import FilesystemError
from .libraries import LibraryFinder
from .scripts import DEEPEST, script_interpreters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLDERS = ("dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin", "var/tmp")
#: One place for programs, as all current distributions have it; whoever asks for /bin/sh or /lib64/ld… finds it.
_MERGED = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
_SHELL_PROGRAMS = ("cat", "echo", "env", "head", "hostname", "id", "ls", "mount", "ps", "sleep", "touch", "true")
_PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
_GROUP = "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"
_MODES = {"root": 0o700, "tmp": 0o1777, "var/tmp": 0o1777}


class HostRoot:
    """A root at ``target``: ``files`` (sorted paths inside of it that were copied), ``shell`` ("busybox" or a path).

    ``needed_by``: for each file that a program needs to run (loader, library, interpreter), the files that need it.
    """

    def __init__(self) -> None:
        self.target = ""
        self.files: list[str] = []
        self.shell = ""
        self.needed_by: dict[str, list[str]] = {}
        self._finder = LibraryFinder()

    def build(self, target: str, programs: Iterable[str] = (), *, busybox: bool = True) -> HostRoot:
        """Fill folder ``target`` (empty, or created) with a root that has a shell and ``programs`` (names or paths).

        ``busybox`` False: take the host's own /bin/sh even if there is a busybox. Raises FilesystemError (not empty, a
        program, its interpreter or a library missing), OSError. Returns itself.
        """
        self.target = os.path.abspath(target)
        self._skeleton()
        path = shutil.which("busybox") if busybox else None
        applets = _applets(path) if path else []
        wanted = list(programs)
        if not applets:
            self.shell = "/bin/sh"
            wanted = ["/bin/sh", *wanted, *(name for name in _SHELL_PROGRAMS if shutil.which(name))]
        for program in dict.fromkeys(wanted):
            self.add(program)
        if path and applets:
            self._add_busybox(path, applets)
        self._finish()
        return self

    def add(self, program: str) -> str:
        """Copy ``program`` (name or path) and all that it needs; return its path inside the root."""
        return self._add(program, ())

    def _add(self, program: str, scripts: tuple[str, ...]) -> str:
        """Copy ``program``, which the last of ``scripts`` has as its interpreter."""
        path = program if "/" in program else shutil.which(program)
        if not path or not os.path.isfile(path):
            if scripts:
                text = f"script {scripts[-1]} needs the interpreter {program}, which is not on this host"
                raise FilesystemError(text, explain="LCM-FS-03")
            raise FilesystemError(f"there is no program {program} on this host")
        if len(scripts) == DEEPEST:
            chain = " → ".join((*scripts, path))
            raise FilesystemError(f"too many scripts run by scripts: {chain}", hint="the kernel follows four")
        inside = self._copy(path)
        for library, needed_by in self._finder.closure(path).items():
            self._note(self._copy(library), needed_by)
        for interpreter in script_interpreters(path):
            self._note(self._add(interpreter, (*scripts, path)), [path])
        return inside

    def _note(self, inside: str, needed_by: Iterable[str]) -> None:
        """Remember who needs file ``inside``."""
        self.needed_by[inside] = sorted({*self.needed_by.get(inside, ()), *needed_by})

    def _skeleton(self) -> None:
        """Make the folders, the links of the merged layout and /etc."""
        os.makedirs(self.target, exist_ok=True)
        if os.listdir(self.target):
            raise FilesystemError(f"{self.target} is not empty; a root is built in an empty folder")
        for folder in _FOLDERS:
            os.makedirs(f"{self.target}/{folder}", exist_ok=True)
        for link, text in _MERGED.items():
            os.symlink(text, f"{self.target}/{link}")
        for name, text in (("passwd", _PASSWD), ("group", _GROUP)):
            with open(f"{self.target}/etc/{name}", "w", encoding="utf-8") as file:
                file.write(text)

    def _copy(self, path: str) -> str:
        """Copy file ``path`` of the host to the same path; a link's target under the link's name."""
        folder = os.path.realpath(os.path.dirname(path) or ".")
        inside = f"{folder.rstrip('/')}/{os.path.basename(path)}"
        top, _, rest = inside.lstrip("/").partition("/")
        place = f"{self.target}/{_MERGED.get(top, top)}/{rest}"
        if inside not in self.files:
            os.makedirs(os.path.dirname(place), exist_ok=True)
            shutil.copyfile(path, place)
            os.chmod(place, 0o755 if os.access(path, os.X_OK) else 0o644)
            self.files.append(inside)
        return inside

    def _add_busybox(self, path: str, applets: list[str]) -> None:
        """Copy busybox, and link every applet that is not there yet."""
        self.shell = "busybox"
        copied = self.add(path)
        place = f"{self.target}/usr/bin/busybox"
        if not os.path.exists(place):
            os.replace(f"{self.target}{copied}", place)
        there = {name for folder in ("usr/bin", "usr/sbin") for name in os.listdir(f"{self.target}/{folder}")}
        for applet in applets:
            if applet not in there:
                os.symlink("busybox", f"{self.target}/usr/bin/{applet}")

    def _finish(self) -> None:
        """Give everything its mode and the one time; deepest first, because writing into a folder changes its time."""
        for path in self._finder.settings:
            shutil.copyfile(path, f"{self.target}{path}")
        self.files.sort()
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
        for folder, folders, names in os.walk(self.target, topdown=False):
            for name in sorted(folders + names):
                path = f"{folder}/{name}"
                if not os.path.islink(path):
                    mode = 0o755 if os.path.isdir(path) else os.stat(path).st_mode & 0o755
                    os.chmod(path, _MODES.get(os.path.relpath(path, self.target), mode))
                os.utime(path, (epoch, epoch), follow_symlinks=False)
        os.chmod(self.target, 0o755)
        os.utime(self.target, (epoch, epoch))


def _applets(path: str) -> list[str]:
    """Return the applets of the busybox at ``path``."""
    with open(path, "rb") as file:
        return applet_names(file.read())

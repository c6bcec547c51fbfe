"""Find a program's libraries as the dynamic loader would, without running it. See ld.so(8), ldconfig(8).

What belongs here: the search. What does not: reading ELF (``elf.py``), copying (``hostroot.py``).
"""

from __future__ import annotations

import glob
import os
import struct

from .elf import ElfFile
from .errors import FilesystemError

#: glibc's own folders, by (bits, machine): x86_64, i386, aarch64, arm.
_MULTIARCH = {
    (64, 62): "x86_64-linux-gnu",
    (32, 3): "i386-linux-gnu",
    (64, 183): "aarch64-linux-gnu",
    (32, 40): "arm-linux-gnueabihf",
}
_CACHE = "/etc/ld.so.cache"
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_MUSL = "ld-musl-"
_MUSL_FOLDERS = ["/lib", "/usr/local/lib", "/usr/lib"]


def default_folders(elf: ElfFile) -> list[str]:
    """Return where glibc's loader looks last, for programs of this kind."""
    triplet = _MULTIARCH.get((elf.bits, elf.machine))
    folders = [f"/lib/{triplet}", f"/usr/lib/{triplet}"] if triplet else []
    folders += ["/lib64", "/usr/lib64"] if elf.bits == 64 else ["/lib32", "/usr/lib32"]
    return [*folders, "/lib", "/usr/lib", "/usr/local/lib"]


def parse_cache(data: bytes) -> dict[str, list[str]]:
    """Return name → paths from the content of /etc/ld.so.cache (glibc's dl-cache.h); empty for another format."""
    start = data.find(_CACHE_MAGIC)
    if start < 0:
        return {}
    found: dict[str, list[str]] = {}
    (count,) = struct.unpack_from("=I", data, start + 20)
    for number in range(count):  # struct file_entry_new { int32 flags; uint32 key, value, osversion; uint64 hwcap; };
        _, key, value, _, _ = struct.unpack_from("=iIIIQ", data, start + 48 + 24 * number)
        name, path = (
            data[start + at : data.index(b"\0", start + at)].decode(errors="surrogateescape") for at in (key, value)
        )
        found.setdefault(name, []).append(path)
    return found


class LibraryFinder:
    """Looks for libraries; ``settings`` holds afterwards the loader's own files, without which it would miss them."""

    def __init__(self) -> None:
        self.settings: set[str] = set()
        try:
            with open(_CACHE, "rb") as file:
                self._cache = parse_cache(file.read())
        except OSError:
            self._cache = {}

    def closure(self, path: str) -> dict[str, list[str]]:
        """Return all that program ``path`` needs (loader, libraries, their libraries), and by whom; sorted by path.

        Raises FilesystemError when one is missing, or is of another architecture than the program.
        """
        program = ElfFile.read(path)
        if program is None:
            return {}
        found = {program.interpreter: [path]} if program.interpreter else {}
        self._check_interpreter(path, program)
        loaded: dict[str, str] = {}  # what the loader has by this name it takes again, wherever it came from
        todo: list[tuple[str, ElfFile, list[str]]] = [(path, program, [])]
        for origin, elf, inherited in todo:  # it grows; breadth first, as the loader does
            rpath = ([] if elf.runpath else _expand(elf.rpath, origin, elf)) + inherited
            for name in elf.needed:
                known = name in loaded
                library = loaded[name] if known else self._find(name, elf, origin, rpath, program.interpreter)
                loaded[name] = library
                if library not in found:
                    needed = ElfFile.read(library)
                    assert needed is not None  # _find accepts ELF files only
                    todo.append((library, needed, rpath))
                found.setdefault(library, []).append(origin)
        return dict(sorted(found.items()))

    def _check_interpreter(self, path: str, program: ElfFile) -> None:
        """Make sure that the program's own loader is there. Raises FilesystemError (LCM-FS-03)."""
        if program.interpreter and not os.path.isfile(program.interpreter):
            text = f"{path} needs the ELF interpreter {program.interpreter}, which is not there"
            mine = os.uname().machine
            hint = f"it is a program for {program.machine_name}, this machine is {mine}"
            raise FilesystemError(text, hint=hint if program.machine_name != mine else "", explain="LCM-FS-03")

    def _find(self, name: str, elf: ElfFile, origin: str, rpath: list[str], interpreter: str) -> str:
        """Return the path of library ``name`` that the loader would take for ``elf``."""
        if name.startswith("libc.musl-") or os.path.basename(interpreter) == name:
            return interpreter  # musl's loader is its libc
        if "/" in name:
            folders, candidates = [], _expand([name], origin, elf)
        else:
            own = [] if elf.runpath else rpath
            folders = [*own, *_expand(elf.runpath, origin, elf), *self._folders(elf, interpreter)]
            candidates = [f"{folder}/{name}" for folder in folders]
        for path in candidates:
            if _fits(path, elf):
                return path
        for path in [] if _MUSL in interpreter else self._cache.get(name, []):
            if _fits(path, elf):
                self.settings.add(_CACHE)
                return path
        for folder in folders:  # versions for newer processors, where there is no plain one: the lowest first
            for path in sorted(glob.glob(f"{glob.escape(folder)}/glibc-hwcaps/*/{glob.escape(name)}")):
                if _fits(path, elf):
                    return path
        raise FilesystemError(f"{origin} needs library {name}, which is not found", explain="LCM-FS-03")

    def _folders(self, elf: ElfFile, interpreter: str) -> list[str]:
        """Return the folders that this loader knows by itself: glibc's, or those of musl's path file."""
        loader = os.path.basename(interpreter)
        if not loader.startswith(_MUSL):
            return default_folders(elf)
        file = f"/etc/{loader.partition('.so')[0]}.path"
        try:
            with open(file, encoding="utf-8", errors="surrogateescape") as text:
                folders = text.read().replace("\n", ":").split(":")
        except OSError:
            return _MUSL_FOLDERS
        self.settings.add(file)
        return [folder.strip() for folder in folders if folder.strip()]


def _expand(folders: list[str], origin: str, elf: ElfFile) -> list[str]:
    """Return ``folders`` with $ORIGIN, $LIB and $PLATFORM replaced; $LIB differs between distributions: both."""
    here = os.path.dirname(os.path.realpath(origin))
    triplet = _MULTIARCH.get((elf.bits, elf.machine))
    libs = ["lib64" if elf.bits == 64 else "lib", *([f"lib/{triplet}"] if triplet else [])]
    found = []
    for folder in folders:
        for lib in libs if "LIB" in folder else libs[:1]:
            text = folder
            for name, value in (("ORIGIN", here), ("LIB", lib), ("PLATFORM", elf.machine_name)):
                text = text.replace(f"${{{name}}}", value).replace(f"${name}", value)
            found.append(os.path.normpath(text))
    return found


def _fits(path: str, elf: ElfFile) -> bool:
    """Return whether ``path`` is an ELF file of the same class and machine."""
    try:
        other = ElfFile.read(path)
    except (OSError, FilesystemError):
        return False
    return other is not None and (other.bits, other.machine) == (elf.bits, elf.machine)

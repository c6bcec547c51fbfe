"""Find a program's libraries as the dynamic loader would, without running it. See ld.so(8), ldconfig(8).

What belongs here: the search. What does not: reading ELF (``elf.py``), copying (``hostroot.py``).
"""

from __future__ import annotations

import os
import struct

from .elf import ElfFile
from .errors import FilesystemError

#: glibc's and musl's own folders, by (bits, machine): x86_64, i386, aarch64, arm.
_MULTIARCH = {
    (64, 62): "x86_64-linux-gnu",
    (32, 3): "i386-linux-gnu",
    (64, 183): "aarch64-linux-gnu",
    (32, 40): "arm-linux-gnueabihf",
}
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"


def default_folders(elf: ElfFile) -> list[str]:
    """Return where the loader looks last, for programs of this kind."""
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
    """Looks for libraries; ``used_cache`` tells afterwards whether one was found only by /etc/ld.so.cache."""

    def __init__(self) -> None:
        self.used_cache = False
        try:
            with open("/etc/ld.so.cache", "rb") as file:
                self._cache = parse_cache(file.read())
        except OSError:
            self._cache = {}

    def closure(self, path: str) -> list[str]:
        """Return the paths of all that program ``path`` needs: loader, libraries, their libraries; sorted.

        Raises FilesystemError when one is missing, or the program is of another architecture than the library.
        """
        program = ElfFile.read(path)
        if program is None:
            return []
        found = {program.interpreter} if program.interpreter else set()
        todo: list[tuple[str, ElfFile, list[str]]] = [(path, program, [])]
        while todo:
            origin, elf, inherited = todo.pop()
            rpath = inherited + ([] if elf.runpath else _expand(elf.rpath, origin))
            for name in elf.needed:
                library = self._find(name, elf, origin, rpath, program.interpreter)
                if library not in found:
                    found.add(library)
                    needed = ElfFile.read(library)
                    assert needed is not None  # _find accepts ELF files only
                    todo.append((library, needed, rpath))
        return sorted(found)

    def _find(self, name: str, elf: ElfFile, origin: str, rpath: list[str], interpreter: str) -> str:
        """Return the path of library ``name`` that the loader would take for ``elf``."""
        if name.startswith("libc.musl-") or os.path.basename(interpreter) == name:
            return interpreter  # musl's loader is its libc
        if "/" in name:
            candidates = _expand([name], origin)
        else:
            candidates = [f"{folder}/{name}" for folder in [*rpath, *_expand(elf.runpath, origin)]]
        defaults = [f"{folder}/{name}" for folder in default_folders(elf)]
        for path in [*candidates, *defaults]:
            if _fits(path, elf):
                return path
        for path in self._cache.get(name, []):
            if _fits(path, elf):
                self.used_cache = True
                return path
        raise FilesystemError(f"{origin} needs library {name}, which is not found", explain="LCM-FS-03")


def _expand(folders: list[str], origin: str) -> list[str]:
    """Return ``folders`` with $ORIGIN replaced by the folder of the file that names them."""
    here = os.path.dirname(os.path.realpath(origin))
    return [os.path.normpath(f.replace("${ORIGIN}", here).replace("$ORIGIN", here)) for f in folders]


def _fits(path: str, elf: ElfFile) -> bool:
    """Return whether ``path`` is an ELF file of the same class and machine."""
    try:
        other = ElfFile.read(path)
    except OSError:
        return False
    return other is not None and (other.bits, other.machine) == (elf.bits, elf.machine)

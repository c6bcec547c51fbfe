"""Read from an ELF file what it needs to run: its interpreter and its libraries. See elf(5), ld.so(8).

We never run ldd: it may execute the file, and it cannot read one of another architecture.

What belongs here: the parser; 32 and 64 bit, both byte orders. What does not: where libraries are (``libraries.py``).
"""

from __future__ import annotations

import os
import stat
import struct

from .errors import FilesystemError

#: Names of machines by their number in elf.h, as uname(2) has them.
MACHINES = {3: "i386", 20: "ppc", 21: "ppc64", 22: "s390x", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 14, 15, 29


class ElfFile:
    """What an ELF file says about itself.

    ``bits`` (32, 64), ``machine`` (62 x86_64, 183 aarch64; elf.h), ``interpreter`` ("" when static or a library),
    ``needed`` libraries, ``rpath`` and ``runpath`` (folders, ``$ORIGIN`` unexpanded).
    """

    __slots__ = ("bits", "interpreter", "machine", "needed", "rpath", "runpath")

    def __init__(self, bits: int, machine: int) -> None:
        self.bits = bits
        self.machine = machine
        self.interpreter = ""
        self.needed: list[str] = []
        self.rpath: list[str] = []
        self.runpath: list[str] = []

    @classmethod
    def parse(cls, data: bytes) -> ElfFile | None:
        """Return what ``data`` says, or None if it is no ELF file. Raises FilesystemError when it is cut or damaged."""
        if data[:4] != b"\x7fELF":
            return None
        try:
            return _parse(data)
        except (struct.error, IndexError, ValueError, OverflowError) as error:
            raise FilesystemError(f"damaged ELF file: {error}") from error

    @classmethod
    def read(cls, path: str) -> ElfFile | None:
        """Return what file ``path`` says, or None if it is no ELF file. Raises OSError, FilesystemError."""
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a fifo would keep us waiting
        with open(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return None
            head = file.read(4)
            return cls.parse(head + file.read()) if head == b"\x7fELF" else None

    @property
    def machine_name(self) -> str:
        """Return the machine by name: ``x86_64``, ``aarch64``; ``machine 8`` for one that we do not know."""
        return MACHINES.get(self.machine, f"machine {self.machine}")


def _parse(data: bytes) -> ElfFile:
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    # struct Elf64_Ehdr: e_machine at 18; e_phoff at 32 (28), e_phentsize and e_phnum at 54 (42)
    (machine,) = struct.unpack_from(order + "H", data, 18)
    (table,) = struct.unpack_from(order + ("Q" if wide else "I"), data, 32 if wide else 28)
    size, count = struct.unpack_from(order + "HH", data, 54 if wide else 42)
    elf = ElfFile(64 if wide else 32, machine)
    segments = [_segment(data, table + number * size, order, wide) for number in range(count)]
    for kind, offset, _, length in segments:
        if kind == _PT_INTERP:
            elf.interpreter = _text(data, offset)
        elif kind == _PT_DYNAMIC:
            _read_dynamic(elf, data[offset : offset + length], data, segments, order)
    return elf


def _segment(data: bytes, at: int, order: str, wide: bool) -> tuple[int, int, int, int]:
    """Return (type, offset in the file, address, size in the file) of a program header."""
    if wide:  # p_type p_flags p_offset p_vaddr p_paddr p_filesz
        kind, _, offset, address, _, length = struct.unpack_from(order + "IIQQQQ", data, at)
    else:  # p_type p_offset p_vaddr p_paddr p_filesz
        kind, offset, address, _, length = struct.unpack_from(order + "IIIII", data, at)
    return kind, offset, address, length


def _read_dynamic(
    elf: ElfFile, dynamic: bytes, data: bytes, segments: list[tuple[int, int, int, int]], order: str
) -> None:
    """Read the dynamic section: pairs of tag and value, until tag 0."""
    pairs = list(struct.iter_unpack(order + ("qQ" if elf.bits == 64 else "iI"), dynamic))
    values: dict[int, list[int]] = {}
    for tag, value in pairs:
        if tag == 0:
            break
        values.setdefault(tag, []).append(value)
    if _DT_STRTAB not in values:
        return
    strings = _offset(values[_DT_STRTAB][0], segments)
    elf.needed = [_text(data, strings + value) for value in values.get(_DT_NEEDED, [])]
    for tag, name in ((_DT_RPATH, "rpath"), (_DT_RUNPATH, "runpath")):
        folders = [_text(data, strings + value) for value in values.get(tag, [])]
        setattr(elf, name, [folder for text in folders for folder in text.split(":") if folder])


def _offset(address: int, segments: list[tuple[int, int, int, int]]) -> int:
    """Return where in the file the memory ``address`` is. Raises ValueError."""
    for kind, offset, start, length in segments:
        if kind == _PT_LOAD and start <= address < start + length:
            return address - start + offset
    raise ValueError(f"address {address:#x} is in no segment")


def _text(data: bytes, at: int) -> str:
    """Return the text that ends with a zero byte at offset ``at``. Raises ValueError."""
    return data[at : data.index(b"\0", at)].decode(errors="surrogateescape")

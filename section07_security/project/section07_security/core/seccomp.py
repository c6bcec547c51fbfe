"""Compile an OCI seccomp section (``linux.seccomp``) into a BPF program.

What belongs here: what the profile means. What does not: instructions (``core.bpf``), Docker's profile format
(``profile``), caching and loading (``program``). Source: config-linux.md "Seccomp"; seccomp(2).

The program first asks for the architecture: the same number is another call on another one, and an x86_64 process can
make i386 calls. An architecture that the profile does not name is killed. Then a binary search over the call's number
ends in an action, or in the rules that look at arguments; the first rule that matches, in the profile's order, wins.

A number above the newest call that the profile names gives ENOSYS ("not implemented"), not the default action: the
profile's author could not know the call, and the C library falls back on ENOSYS only. runc does the same
(libcontainer/seccomp/patchbpf/enosys_linux.go).
"""

from __future__ import annotations

import os

from section07_security.errors import SeccompError

from . import bpf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .bpf import Code

ERRNO = 0x00050000
KILL_PROCESS = 0x80000000
#: OCI's actions → SECCOMP_RET_… of linux/seccomp.h
ACTIONS = {
    "SCMP_ACT_KILL": 0x00000000, "SCMP_ACT_KILL_THREAD": 0x00000000, "SCMP_ACT_KILL_PROCESS": KILL_PROCESS,
    "SCMP_ACT_TRAP": 0x00030000, "SCMP_ACT_ERRNO": ERRNO, "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_LOG": 0x7FFC0000, "SCMP_ACT_ALLOW": 0x7FFF0000,
}  # fmt: skip
PERMISSIVE = (ACTIONS["SCMP_ACT_ALLOW"], ACTIONS["SCMP_ACT_LOG"], ACTIONS["SCMP_ACT_TRACE"])
ENOSYS = 38
X32_BIT = 0x40000000
#: OCI's name → (column of data/syscalls.txt, AUDIT_ARCH_… of linux/audit.h, bits of a register)
ARCHITECTURES = {
    "SCMP_ARCH_X86_64": ("x86_64", 0xC000003E, 64), "SCMP_ARCH_X32": ("x32", 0xC000003E, 64),
    "SCMP_ARCH_X86": ("x86", 0x40000003, 32), "SCMP_ARCH_AARCH64": ("aarch64", 0xC00000B7, 64),
    "SCMP_ARCH_ARM": ("arm", 0x40000028, 32),
}  # fmt: skip
NATIVE = {"x86_64": "SCMP_ARCH_X86_64", "aarch64": "SCMP_ARCH_AARCH64"}
ARM_PRIVATE = 0xF0000  # __ARM_NR_BASE: calls of arm's own, far above the common ones


def syscall_table(column: str) -> dict[str, int]:
    """Return name → number of the architecture ``column``: x86_64, x86, x32 (without bit 30), aarch64, arm."""
    with open(os.path.join(os.path.dirname(os.path.dirname(__file__)), "data", "syscalls.txt")) as file:
        rows = [line.split() for line in file if line[0] != "#"]
    index = 1 + ("x86_64", "x86", "x32", "aarch64", "arm").index(column)
    return {row[0]: int(row[index]) for row in rows if row[index] != "-"}


def compile_seccomp(oci: dict[str, Any], machine: str = "") -> bytes:
    """Return the BPF program for ``oci`` on ``machine`` (x86_64 or aarch64; default: this one). Raises SeccompError."""
    native = NATIVE.get(machine or os.uname().machine)
    if native is None:
        raise SeccompError(f"no system call table for {machine or os.uname().machine}")
    try:
        return bpf.assemble([bpf.load(bpf.ARCH), *_program(oci, native)])
    except ValueError as error:
        raise SeccompError(str(error)) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise SeccompError(f"the seccomp profile is malformed: {error!r}") from None


def _program(oci: dict[str, Any], native: str) -> Code:
    """Return the choice among architectures: the native one, those that the profile names, death for the rest."""
    named = [native, *(a for a in oci.get("architectures") or () if a in ARCHITECTURES and a != native)]
    kill = code = [bpf.ret(KILL_PROCESS)]
    for audit in reversed(dict.fromkeys(ARCHITECTURES[a][1] for a in named)):  # the native one ends up in front
        modes = {a: _mode(oci, a) for a in named if ARCHITECTURES[a][1] == audit}
        section = modes.get("SCMP_ARCH_X86_64") or next(iter(modes.values()))
        if "SCMP_ARCH_X86_64" in modes:
            section = bpf.branch(bpf.JSET, X32_BIT, _x32(oci, modes.get("SCMP_ARCH_X32", kill)), section)
        code = bpf.branch(bpf.JEQ, audit, [bpf.load(bpf.NR), *section], code)
    return code


def _x32(oci: dict[str, Any], section: Code) -> Code:
    """Return the piece for numbers with bit 30; -1 is a tracer's "no call at all" and gets the default action."""
    return bpf.branch(bpf.JEQ, 0xFFFFFFFF, [bpf.ret(_default(oci))], section)


def _mode(oci: dict[str, Any], name: str) -> Code:
    """Return the search over the call numbers of one architecture."""
    column, _, size = ARCHITECTURES[name]
    table, base = syscall_table(column), X32_BIT if column == "x32" else 0
    default = _default(oci)
    pieces: dict[int, Code] = {}  # number → what happens, its rules one after the other
    done: set[int] = set()  # numbers that an unconditional rule has settled
    for rule in oci.get("syscalls") or ():
        piece_of = _rule(rule, size)
        for syscall in rule["names"]:
            number = table.get(syscall)
            if number is not None and number not in done:
                pieces[number] = pieces.get(number, []) + piece_of
                if not rule.get("args"):
                    done.add(number)
    for number in pieces.keys() - done:
        pieces[number] = [*pieces[number], bpf.ret(default)]
    return bpf.search(_ranges(pieces, base, default, _unknown(default)))


def _ranges(pieces: dict[int, Code], base: int, default: int, unknown: int) -> list[tuple[int, Code]]:
    """Return ``(first number, piece)`` for all 2^32 numbers; neighbours that do the same are one range."""
    otherwise = [bpf.ret(default)]
    newest = max((n for n in pieces if n < ARM_PRIVATE), default=None)
    starts = {n: pieces.get(n, otherwise) for n in (0, *pieces, *(number + 1 for number in pieces))}
    if newest is not None:
        starts[newest + 1] = [bpf.ret(unknown)]
        if max(pieces) >= ARM_PRIVATE:
            starts.setdefault(ARM_PRIVATE, otherwise)
    found: list[tuple[int, Code]] = []
    for number in sorted(starts):
        if not found or found[-1][1] != starts[number]:
            found.append((number + base if number else 0, starts[number]))
    return found


def _default(oci: dict[str, Any]) -> int:
    """Return what happens to a call that no rule names."""
    return action_value(oci["defaultAction"], oci.get("defaultErrnoRet"))


def _unknown(default: int) -> int:
    """Return what happens to a call newer than the profile: ENOSYS, unless the default lets calls through."""
    return default if default & 0x7FFF0000 in PERMISSIVE else ERRNO | ENOSYS


def action_value(action: str, errno: int | None) -> int:
    """Return the filter's return value for an OCI action; EPERM where an errno is needed and none is given."""
    if action not in ACTIONS:
        hint = "notification is not supported yet" if action == "SCMP_ACT_NOTIFY" else f"one of {', '.join(ACTIONS)}"
        raise SeccompError(f"seccomp action {action!r} cannot be used", hint=hint)
    if action not in {"SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"}:
        return ACTIONS[action]
    errno = 1 if errno is None else errno
    if not 0 <= errno <= (4095 if action == "SCMP_ACT_ERRNO" else 0xFFFF):
        raise SeccompError(f"errno {errno} of {action} is out of range")
    return ACTIONS[action] | errno


def _rule(rule: dict[str, Any], size: int) -> Code:
    """Return the piece for one rule: its action, if all its tests of arguments hold.

    Two tests of the same argument cannot be meant as "and" with EQ, and runc and Docker's old profiles mean "or": then
    each test is a rule of its own (runc: libcontainer/seccomp/seccomp_linux.go, matchCall).
    """
    then = [bpf.ret(action_value(rule["action"], rule.get("errnoRet")))]
    args = rule.get("args") or ()
    if len({arg["index"] for arg in args}) < len(args):
        return [instruction for arg in args for instruction in bpf.when([_test(arg, size)], then)]
    return bpf.when([_test(arg, size) for arg in args], then)


def _test(arg: dict[str, Any], size: int) -> list[tuple[int, str, str, int]]:
    """Return the instructions for one OCI argument test. Raises SeccompError."""
    op = arg["op"].removeprefix("SCMP_CMP_")
    if not 0 <= arg["index"] <= 5:
        raise SeccompError(f"a system call has no argument {arg['index']}")
    if op not in bpf.TESTS:
        raise SeccompError(f"unknown comparison {arg['op']!r}")
    return bpf.compare(arg["index"], op, arg["value"], arg.get("valueTwo") or 0, size)

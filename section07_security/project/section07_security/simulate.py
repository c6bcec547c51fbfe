"""Read a compiled filter: as text, and by running it on one system call, without a kernel.

What belongs here: the other direction of ``core.bpf``. What does not: making programs. Slow path.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack, unpack_from

from .core import bpf
from .core.seccomp import ACTIONS, ARCHITECTURES, X32_BIT, syscall_table
from .errors import SeccompError

MODES = {column: (audit, bits) for column, audit, bits in ARCHITECTURES.values()}
_NAMES = {value: name.removeprefix("SCMP_ACT_") for name, value in ACTIONS.items() if name != "SCMP_ACT_KILL"}
_JUMPS = {bpf.JEQ: "==", bpf.JGT: ">", bpf.JGE: ">=", bpf.JSET: "&"}


def instructions(program: bytes) -> list[tuple[int, int, int, int]]:
    """Return the program's instructions. Raises SeccompError if it is not a whole number of them."""
    if len(program) % 8:
        raise SeccompError(f"{len(program)} bytes are no BPF program: an instruction has 8")
    return [bpf.SOCK_FILTER.unpack_from(program, at) for at in range(0, len(program), 8)]


def simulate(program: bytes, number: int, audit: int, args: tuple[int, ...]) -> tuple[int, list[int]]:
    """Return the program's answer to one call, and the instructions it went through. Raises SeccompError."""
    code = instructions(program)
    data = pack("<IIQ6Q", number & 0xFFFFFFFF, audit, 0, *(a & (1 << 64) - 1 for a in (*args, *[0] * 6)[:6]))
    accumulator, at, trace = 0, 0, list[int]()
    while at < len(code):
        op, if_true, if_false, k = code[at]
        trace.append(at)
        at += 1
        if op == bpf.RET:
            return k, trace
        if op == bpf.LD:
            accumulator = unpack_from("<I", data, k)[0]
        elif op == bpf.AND:
            accumulator &= k
        elif op == bpf.JA:
            at += k
        else:
            at += if_true if _holds(op, accumulator, k) else if_false
    raise SeccompError("the program ends without an answer")


def _holds(op: int, a: int, k: int) -> bool:
    if op not in _JUMPS:
        raise SeccompError(f"instruction {op:#x} is none that seccomp filters of ours have")
    return {bpf.JEQ: a == k, bpf.JGT: a > k, bpf.JGE: a >= k, bpf.JSET: bool(a & k)}[op]


def answer_text(value: int) -> str:
    """Return a filter's answer in words: ``ALLOW``, ``ERRNO 1 (EPERM)``."""
    from errno import errorcode

    name = _NAMES.get(value & 0xFFFF0000, f"{value:#x}")
    data = value & 0xFFFF
    if name == "ERRNO":
        return f"ERRNO {data} ({errorcode.get(data, '?')})"
    return f"{name} {data}" if name == "TRACE" else name


def call_number(syscall: str, mode: str) -> int:
    """Return the number of ``syscall`` (a name or a number) in architecture ``mode``. Raises SeccompError."""
    table = syscall_table(mode)
    if syscall.isdigit():
        number = int(syscall)
    elif syscall in table:
        number = table[syscall]
    else:
        from difflib import get_close_matches

        near = get_close_matches(syscall, table, 1)
        raise SeccompError(f"{mode} has no system call {syscall!r}", hint=f"did you mean {near[0]}?" if near else "")
    return number | (X32_BIT if mode == "x32" else 0)


def disassemble(program: bytes) -> Iterator[str]:
    """Yield one line per instruction: number, what it does, where it goes."""
    fields = {bpf.NR: "number", bpf.ARCH: "architecture"}
    fields |= {bpf.ARGS + 4 * i: f"argument {i // 2}, {('low', 'high')[i % 2]} half" for i in range(12)}
    for at, (op, if_true, if_false, k) in enumerate(instructions(program)):
        if op == bpf.RET:
            text = f"return {answer_text(k)}"
        elif op == bpf.LD:
            text = f"load {fields.get(k, k)}"
        elif op == bpf.AND:
            text = f"and {k:#x}"
        elif op == bpf.JA:
            text = f"go to {at + 1 + k}"
        else:
            text = f"if {_JUMPS.get(op, '?')} {k:#x} go to {at + 1 + if_true} else {at + 1 + if_false}"
        yield f"{at:5}  {text}"

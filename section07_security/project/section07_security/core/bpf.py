"""A small assembler for classic BPF as seccomp uses it: forward jumps only, one accumulator, 32-bit words.

An instruction is four numbers (struct sock_filter, linux/filter.h): code, jump if true, jump if false, constant. A
piece of code here is a list of them whose jumps stay inside the piece, or go to its end; so pieces can be put one
after the other. What belongs here: instructions, comparing 64-bit arguments, the search tree. What does not: what a
profile means (``core.seccomp``). Sources: seccomp(2), the kernel's networking/filter.rst.
"""

from __future__ import annotations

from _struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    Instruction = tuple[int, int, int, int]
    Code = list[Instruction]

SOCK_FILTER = Struct("=HBBI")
LIMIT = 4096  # BPF_MAXINSNS

LD, AND, RET, JA = 0x20, 0x54, 0x06, 0x05  # BPF_LD|W|ABS, BPF_ALU|AND|K, BPF_RET|K, BPF_JMP|JA
JEQ, JGT, JGE, JSET = 0x15, 0x25, 0x35, 0x45  # BPF_JMP|…|K

# struct seccomp_data { int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]; };
NR, ARCH, ARGS = 0, 4, 16


def load(offset: int) -> Instruction:
    """Load the 32-bit word at ``offset`` of struct seccomp_data into the accumulator."""
    return (LD, 0, 0, offset)


def ret(value: int) -> Instruction:
    """End the program with ``value``: an action and its 16 bits of data."""
    return (RET, 0, 0, value)


def branch(code: int, k: int, if_true: Code, if_false: Code) -> Code:
    """Return: compare the accumulator with ``k``, then go on with one of two pieces, each of which ends in a return."""
    if len(if_false) <= 255:
        return [(code, len(if_false), 0, k), *if_false, *if_true]
    return [(code, 0, 1, k), (JA, 0, 0, len(if_false)), *if_false, *if_true]


def search(ranges: list[tuple[int, Code]]) -> Code:
    """Return a binary search over ``ranges``: ``(first number, piece)``, ascending, the first one from 0.

    Ten comparisons find one of a thousand ranges; a list of comparisons would need five hundred on average.
    """
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    return branch(JGE, ranges[middle][0], search(ranges[middle:]), search(ranges[:middle]))


def compare(index: int, op: str, value: int, second: int, size: int) -> list[tuple[int, str, str, int]]:
    """Return the test "argument ``index`` ``op`` ``value``" as instructions with symbolic jumps.

    Jumps are ``yes``, ``no`` or ``""`` (next). BPF words have 32 bits: compare the high half, and only if that does
    not decide, the low half. ``size`` 32: the architecture's registers end there.
    """
    mask = value if op == "MASKED_EQ" else -1
    wanted = second if op == "MASKED_EQ" else value
    halves = [(ARGS + 8 * index + 4 * h, mask >> 32 * h & 0xFFFFFFFF, wanted >> 32 * h & 0xFFFFFFFF) for h in (1, 0)]
    found: list[tuple[int, str, str, int]] = []
    for half, (offset, bits, k) in enumerate(halves):
        last = half == 1
        if (size == 32 and not last) or (bits == 0 and k == 0):
            continue  # a half that cannot differ
        found.append((LD, "", "", offset))
        if bits != 0xFFFFFFFF:
            found.append((AND, "", "", bits))
        found += [(code, yes, no, k) for code, yes, no in TESTS[op][last]]
    return found


#: op → (tests of the high half, tests of the low half); each: code, where to if true, where to if false.
TESTS: dict[str, tuple[list[tuple[int, str, str]], list[tuple[int, str, str]]]] = {
    "EQ": ([(JEQ, "", "no")], [(JEQ, "yes", "no")]),
    "NE": ([(JEQ, "", "yes")], [(JEQ, "no", "yes")]),
    "MASKED_EQ": ([(JEQ, "", "no")], [(JEQ, "yes", "no")]),
    "GT": ([(JGT, "yes", ""), (JEQ, "", "no")], [(JGT, "yes", "no")]),
    "GE": ([(JGT, "yes", ""), (JEQ, "", "no")], [(JGE, "yes", "no")]),
    "LT": ([(JGT, "no", ""), (JEQ, "", "yes")], [(JGE, "no", "yes")]),
    "LE": ([(JGT, "no", ""), (JEQ, "", "yes")], [(JGT, "no", "yes")]),
}


def when(tests: list[list[tuple[int, str, str, int]]], then: Code) -> Code:
    """Return: if all ``tests`` (of :func:`compare`) hold, run ``then`` (which returns); else go on after this piece."""
    flat: list[tuple[int, str, str, int, int]] = []  # … and where this instruction's test ends
    for test in tests:
        end = len(flat) + len(test)
        flat += [(*instruction, end) for instruction in test]
    failed = len(flat) + len(then)
    code: Code = []
    for here, (op, yes, no, k, end) in enumerate(flat):
        where = {"": here + 1, "yes": end, "no": failed}
        code.append((op, where[yes] - here - 1, where[no] - here - 1, k))
    return code + then


def assemble(code: Code) -> bytes:
    """Return the program as the kernel takes it. Raises ValueError if it is too long."""
    if len(code) > LIMIT:
        raise ValueError(f"the filter has {len(code)} instructions, the kernel takes {LIMIT}")
    return b"".join([SOCK_FILTER.pack(*instruction) for instruction in code])

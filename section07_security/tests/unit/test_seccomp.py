"""The compiled filter, run by an interpreter of classic BPF, against the rules read directly."""

import operator
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from section07_security import DOCKER_DEFAULT, SeccompError, SeccompProfile, compile_seccomp, docker_seccomp_profile
from section07_security.core.seccomp import syscall_table

AUDIT = {"x86_64": 0xC000003E, "x86": 0x40000003, "x32": 0xC000003E, "aarch64": 0xC00000B7, "arm": 0x40000028}
OCI_ARCH = {"x86_64": "SCMP_ARCH_X86_64", "x86": "SCMP_ARCH_X86", "x32": "SCMP_ARCH_X32",
            "aarch64": "SCMP_ARCH_AARCH64", "arm": "SCMP_ARCH_ARM"}  # fmt: skip
MODES = {"x86_64": ("x86_64", "x86", "x32"), "aarch64": ("aarch64", "arm")}
ALLOW, KILL, KILL_PROCESS, TRAP, LOG = 0x7FFF0000, 0, 0x80000000, 0x00030000, 0x7FFC0000
ERRNO, TRACE = 0x00050000, 0x7FF00000
EPERM, ENOSYS = ERRNO | 1, ERRNO | 38
M64 = (1 << 64) - 1
TABLES = {mode: syscall_table(mode) for mode in AUDIT}
NAMES = {mode: {v: {n for n, w in table.items() if w == v} for v in table.values()} for mode, table in TABLES.items()}


JUMPS = {0x15: operator.eq, 0x25: operator.gt, 0x35: operator.ge, 0x45: operator.and_}


def bpf(program, number, arch, args=(0,) * 6):
    """Interpret classic BPF as net/core/filter.c does; the answer, and the number of instructions it took."""
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *args)
    a, pc, steps = 0, 0, 0
    while True:
        code, jt, jf, k = struct.unpack_from("<HBBI", program, 8 * pc)
        pc, steps = pc + 1, steps + 1
        if code == 0x20:
            a = struct.unpack_from("<I", data, k)[0]
        elif code == 0x54:
            a &= k
        elif code == 0x06:
            return k, steps
        elif code == 0x05:
            pc += k
        else:
            pc += jt if JUMPS[code](a, k) else jf


def holds(test, args, size):
    mask = (1 << size) - 1
    arg, value, two = args[test["index"]] & mask, test["value"] & mask, test.get("valueTwo", 0) & mask
    return {"NE": arg != value, "LT": arg < value, "LE": arg <= value, "EQ": arg == value, "GE": arg >= value,
            "GT": arg > value, "MASKED_EQ": arg & value == two}[test["op"].removeprefix("SCMP_CMP_")]  # fmt: skip


def value(action, errno):
    base = {"ALLOW": ALLOW, "KILL": KILL, "KILL_THREAD": KILL, "KILL_PROCESS": KILL_PROCESS, "TRAP": TRAP, "LOG": LOG,
            "ERRNO": ERRNO, "TRACE": TRACE}[action.removeprefix("SCMP_ACT_")]  # fmt: skip
    return base | (1 if errno is None else errno) if base in (ERRNO, TRACE) else base


def newest_and_private(oci, mode):
    """Return the newest common call that the profile names, and whether it names calls of arm's own."""
    numbers = [TABLES[mode][n] for rule in oci["syscalls"] for n in rule["names"] if n in TABLES[mode]]
    return max([-1, *(n for n in numbers if n < 0xF0000)]), any(n >= 0xF0000 for n in numbers)


def direct(oci, mode, number, args, newest, private):
    """Say what the profile says, rule by rule; no search, no BPF."""
    names = NAMES[mode].get(number, set())
    size = 32 if mode in ("x86", "arm") else 64
    default = value(oci["defaultAction"], oci.get("defaultErrnoRet"))
    for rule in oci["syscalls"]:
        if names.isdisjoint(rule["names"]):
            continue
        tests = rule.get("args") or []
        hits = [holds(t, args, size) for t in tests]
        some = len({t["index"] for t in tests}) < len(tests)
        if any(hits) if some else all(hits):
            return value(rule["action"], rule.get("errnoRet"))
    beyond = number > newest >= 0 and not (private and number >= 0xF0000)
    return ENOSYS if beyond and default & 0x7FFF0000 not in (ALLOW, LOG, TRACE) else default


def check(oci, machine, args_of):
    program = compile_seccomp(oci, machine)
    for mode in MODES[machine]:
        bit = 0x40000000 if mode == "x32" else 0
        listed = OCI_ARCH[mode] in (*(oci.get("architectures") or ()), OCI_ARCH[machine])
        facts = newest_and_private(oci, mode)
        for number in {*TABLES[mode].values(), 200, 470, 500, 1000, 0xEFFFF, 0xF0000, 0xF0007}:
            for args in args_of(number):
                want = direct(oci, mode, number, args, *facts) if listed else KILL_PROCESS
                assert bpf(program, number | bit, AUDIT[mode], args)[0] == want, (mode, number, args)


SAMPLES = [0, 1, 8, 38, 39, 40, 41, 2, 3, 0x20000, 0x20008, 0xFFFFFFFF, 1 << 32, M64, 2114060288, 0x10000000, 0x11,
           (1 << 32) + 39]  # fmt: skip


@pytest.mark.parametrize("machine", MODES)
@pytest.mark.parametrize("extra", [(), ("CAP_SYS_ADMIN", "CAP_BPF"), ("CAP_SYS_PTRACE", "CAP_SYS_TIME")])
def test_dockers_profile_on_all_calls_and_architectures(machine, extra):
    oci = SeccompProfile.parse(docker_seccomp_profile()).resolve((*DOCKER_DEFAULT, *extra), machine, "6.1.0")
    check(oci, machine, lambda n: [(v, 2114060288 * (v + n & 1), 0, 0, 0, 0) for v in SAMPLES])


common = sorted(set(TABLES["x86_64"]) & set(TABLES["aarch64"]))[::9]
calls = st.sampled_from([*common, "open", "arch_prctl", "set_tls"])
words = st.sampled_from([0, 1, 0xFFFFFFFF, 1 << 32, (1 << 32) + 1, 0x0123456789ABCDEF, 1 << 63, M64, 0xF0F0])
actions = st.sampled_from(["ALLOW", "ERRNO", "KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP", "TRACE", "LOG"])
tests = st.fixed_dictionaries({
    "index": st.integers(0, 2), "value": words, "valueTwo": words,
    "op": st.sampled_from(["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"]).map("SCMP_CMP_".__add__),
})  # fmt: skip
rules = st.fixed_dictionaries(
    {"names": st.lists(calls, min_size=1, max_size=4), "action": actions.map("SCMP_ACT_".__add__)},
    optional={"errnoRet": st.integers(0, 200), "args": st.lists(tests, max_size=3)},
)
profiles = st.fixed_dictionaries(
    {"defaultAction": actions.map("SCMP_ACT_".__add__), "syscalls": st.lists(rules, max_size=6)},
    optional={"defaultErrnoRet": st.integers(0, 200),
              "architectures": st.lists(st.sampled_from([*OCI_ARCH.values(), "SCMP_ARCH_MIPS"]), unique=True)},
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(profiles, st.sampled_from(list(MODES)), st.lists(st.tuples(words, words, words), min_size=2, max_size=4))
def test_any_profile_means_what_its_rules_say(oci, machine, triples):
    check(oci, machine, lambda _n: [(*t, 0, 0, 0) for t in triples])


def test_unlisted_architecture_and_mode_are_killed_and_a_tracers_minus_one_is_not():
    oci = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["getpid"], "action": "SCMP_ACT_ALLOW"}]}
    program = compile_seccomp(oci, "x86_64")
    assert bpf(program, 39, AUDIT["x86_64"])[0] == ALLOW
    assert bpf(program, 20, AUDIT["x86"])[0] == KILL_PROCESS
    assert bpf(program, 39 | 0x40000000, AUDIT["x32"])[0] == KILL_PROCESS
    assert bpf(program, 0xFFFFFFFF, AUDIT["x86_64"])[0] == EPERM


def test_calls_newer_than_the_profile_are_not_implemented_rather_than_forbidden():
    oci = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["clone3"], "action": "SCMP_ACT_ALLOW"}]}
    for machine, number in (("x86_64", 434), ("aarch64", 434)):
        program = compile_seccomp(oci, machine)
        assert bpf(program, number, AUDIT[machine])[0] == EPERM
        assert bpf(program, 435, AUDIT[machine])[0] == ALLOW
        assert bpf(program, 436, AUDIT[machine])[0] == ENOSYS


def test_median_call_of_dockers_profile_takes_few_instructions():
    oci = SeccompProfile.parse(docker_seccomp_profile()).resolve(DOCKER_DEFAULT, "x86_64", "6.1")
    program = compile_seccomp(oci, "x86_64")
    took = sorted(bpf(program, n, AUDIT["x86_64"])[1] for n in TABLES["x86_64"].values())
    assert took[len(took) // 2] <= 12
    assert len(program) // 8 < 1024


def test_the_kernel_can_cache_plain_answers():
    """Linux ≥ 5.11 answers without the filter if it sees that arguments do not matter; it knows these codes only."""
    oci = SeccompProfile.parse(docker_seccomp_profile()).resolve(DOCKER_DEFAULT, "x86_64", "6.1")
    program = compile_seccomp(oci, "x86_64")
    codes = {struct.unpack_from("<H", program, i)[0] for i in range(0, len(program), 8)}
    assert codes <= {0x20, 0x06, 0x05, 0x15, 0x25, 0x35, 0x45, 0x54}


def rule_with(index, op):
    return {"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": index, "value": 0, "op": op}]}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"defaultAction": "SCMP_ACT_NOTIFY"}, "not supported yet"),
        ({"defaultAction": "SCMP_ACT_ALLOWED"}, "SCMP_ACT_ALLOWED"),
        ({"defaultErrnoRet": 5000}, "out of range"),
        ({"syscalls": [rule_with(6, "SCMP_CMP_EQ")]}, "argument 6"),
        ({"syscalls": [{"names": ["read"]}]}, "malformed.*action"),
        ({"syscalls": [{"names": ["read"], "action": "SCMP_ACT_KILL", "args": [3]}]}, "malformed"),
        ({"syscalls": [rule_with(0, "SCMP_CMP_X")]}, "comparison 'SCMP_CMP_X'"),
    ],
)  # fmt: skip
def test_what_cannot_be_compiled_is_named(change, says):
    with pytest.raises(SeccompError, match=says):
        compile_seccomp({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []} | change, "x86_64")


def test_too_long_and_unknown_machine():
    tests = [{"index": i, "value": (1 << 40) + i, "op": "SCMP_CMP_EQ"} for i in range(6)]
    rules = [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": tests} for _ in range(400)]
    with pytest.raises(SeccompError, match="instructions"):
        compile_seccomp({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}, "x86_64")
    with pytest.raises(SeccompError, match="m68k"):
        compile_seccomp({"defaultAction": "SCMP_ACT_ERRNO"}, "m68k")


def test_tables_have_known_numbers():
    known = {"x86_64": ("read", 0, "clone", 56, "mseal", 462), "x86": ("read", 3, "socketcall", 102, "clone", 120),
             "x32": ("read", 0, "execve", 520, "ioctl", 514), "aarch64": ("read", 63, "clone", 220, "fstat", 80),
             "arm": ("read", 3, "set_tls", 0xF0005, "clone", 120)}  # fmt: skip
    for mode, facts in known.items():
        for name, number in zip(facts[::2], facts[1::2], strict=True):
            assert TABLES[mode][name] == number
    assert "open" not in TABLES["aarch64"]

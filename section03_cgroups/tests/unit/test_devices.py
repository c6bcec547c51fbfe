"""Device rules: version 1's lines, and version 2's program run by an interpreter of the few instructions it has."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section03_cgroups import LimitRefused, default_device_rules
from section03_cgroups.devices import rule_text
from section03_cgroups.devices_bpf import ACCESS_BITS, TYPES, assemble


def run(code, kind, major, minor, access):
    """Interpret eBPF: the subset that the assembler emits, straight from the kernel's instruction-set.rst."""
    context = (access << 16 | TYPES[kind], major, minor)
    r, pc = {1: "context"}, 0
    while True:
        op, registers, offset, k = struct.unpack_from("=BBhi", code, pc * 8)
        dst, src = registers & 15, registers >> 4
        pc += 1
        if op == 0x61:
            assert r[src] == "context"
            r[dst] = context[offset // 4]
        elif op == 0xBC:
            r[dst] = r[src]
        elif op == 0x54:
            r[dst] &= k
        elif op == 0x74:
            r[dst] >>= k
        elif op == 0xB7:
            r[dst] = k
        elif op == 0x95:
            return bool(r[0])
        else:
            taken = {0x55: r[dst] != k, 0x15: r[dst] == k, 0x5D: r[dst] != r.get(src)}[op]
            pc += offset if taken else 0


def v1_allows(rules, kind, major, minor, access):
    """Return what version 1 would say: security/device_cgroup.c, told again over plain tuples."""
    default, exceptions = True, {}
    for rule in rules:
        letters = set(rule.get("access") or "rwm")
        if (rule.get("type") or "a") == "a":
            default, exceptions = rule["allow"], {}
            continue
        key = (rule["type"], rule.get("major"), rule.get("minor"))
        if rule["allow"] != default:
            exceptions[key] = exceptions.get(key, set()) | letters
        else:
            exceptions[key] = exceptions.get(key, set()) - letters
    for (t, ma, mi), letters in exceptions.items():
        if t == kind and ma in (None, major) and mi in (None, minor):
            hit = access & letters if default else access <= letters
            if hit:
                return not default
    return default


numbers = st.sampled_from([None, 0, 1, 3, 136])
rule = st.fixed_dictionaries({
    "allow": st.booleans(), "type": st.sampled_from(["a", "b", "c", "c"]), "major": numbers, "minor": numbers,
    "access": st.sampled_from(["r", "w", "m", "rw", "rwm"]),
})  # fmt: skip


@given(st.lists(rule, max_size=8), st.sampled_from("bc"), st.sampled_from([0, 1, 3, 136, 5]),
       st.sampled_from([0, 1, 3, 136]), st.sets(st.sampled_from("rwm"), min_size=1))  # fmt: skip
def test_program_decides_as_version_1(rules, kind, major, minor, access):
    bits = sum(ACCESS_BITS[a] for a in access)
    assert run(assemble(rules), kind, major, minor, bits) == v1_allows(rules, kind, major, minor, access)


@pytest.mark.parametrize(
    ("kind", "major", "minor", "access", "allowed"),
    [("c", 1, 3, "rw", True), ("c", 136, 7, "rw", True), ("c", 1, 11, "r", False), ("b", 8, 0, "r", False),
     ("b", 8, 0, "m", True), ("c", 10, 229, "r", False), ("c", 10, 200, "rw", False)],
)  # fmt: skip
def test_default_rules_open_only_the_standard_devices(kind, major, minor, access, allowed):
    bits = sum(ACCESS_BITS[a] for a in access)
    assert run(assemble(default_device_rules()), kind, major, minor, bits) is allowed


def test_v1_lines():
    assert rule_text({"allow": False, "access": "rwm"}) == ("devices.deny", "a")
    assert rule_text({"allow": True, "type": "c", "major": 5, "minor": 2}) == ("devices.allow", "c 5:2 rwm")
    assert rule_text({"allow": True, "type": "b", "major": -1, "access": "m"}) == ("devices.allow", "b *:* m")
    assert rule_text({"allow": True, "type": "u", "major": 4, "access": "r"}) == ("devices.allow", "c 4:* r")
    with pytest.raises(LimitRefused):
        rule_text({"allow": True, "type": "x"})
    with pytest.raises(LimitRefused):
        rule_text({"allow": True, "type": "c", "access": "rx"})

"""Docker's profile format: conditions, architectures; the cache of what was made from it."""

import os

import pytest

from section07_security import (
    DOCKER_DEFAULT,
    SeccompError,
    SeccompProfile,
    compile_seccomp,
    docker_seccomp_profile,
    masked_paths,
    resolved_default,
    seccomp_flags,
    seccomp_program,
)
from section07_security.profile import _version


def allowed(oci):
    return {n for r in oci["syscalls"] if r["action"] == "SCMP_ACT_ALLOW" and not r.get("args") for n in r["names"]}


def resolve(capabilities=DOCKER_DEFAULT, machine="x86_64", kernel="6.1.0"):
    return SeccompProfile.parse(docker_seccomp_profile()).resolve(capabilities, machine, kernel)


def test_conditions_on_capabilities():
    plain, admin = resolve(), resolve((*DOCKER_DEFAULT, "sys_admin"))
    assert not {"mount", "unshare", "bpf", "clone", "reboot"} & allowed(plain)
    assert {"mount", "unshare", "bpf", "clone", "clone3"} <= allowed(admin)
    assert [r["errnoRet"] for r in plain["syscalls"] if "clone3" in r["names"]] == [38]
    assert "chroot" in allowed(plain)
    assert "chroot" not in allowed(resolve([]))


def test_conditions_on_architecture_and_kernel():
    assert resolve()["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    assert resolve(machine="aarch64")["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    assert "arch_prctl" in allowed(resolve())
    assert "arch_prctl" not in allowed(resolve(machine="aarch64"))
    assert "ptrace" in allowed(resolve(kernel="4.8.0"))
    assert "ptrace" not in allowed(resolve(kernel="4.7.10"))
    assert "ptrace" in allowed(resolve(kernel="4.10-rc1"))


def test_no_condition_is_left_in_what_the_runtime_gets():
    for rule in resolve()["syscalls"]:
        assert set(rule) <= {"names", "action", "errnoRet", "args"}


@pytest.mark.parametrize(("text", "version"), [("6.18.44-fc-v5", (6, 18)), ("4.8", (4, 8)), ("6.1-rc3", (6, 1))])
def test_kernel_versions(text, version):
    assert _version(text) == version


BOTH = '{"defaultAction": "SCMP_ACT_LOG", "architectures": ["a"], "archMap": [1]}'


@pytest.mark.parametrize("bad", ["not json", "[]", "{}", '{"defaultAction": 3}', BOTH])
def test_what_is_no_profile_is_refused(bad):
    with pytest.raises(SeccompError):
        SeccompProfile.parse(bad)


def test_old_rules_with_one_name_and_rules_with_none():
    profile = SeccompProfile.parse({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"name": "ptrace", "action": "SCMP_ACT_KILL", "args": []}]})  # fmt: skip
    assert profile.resolve([])["syscalls"] == [{"names": ["ptrace"], "action": "SCMP_ACT_KILL"}]
    with pytest.raises(SeccompError, match="names no"):
        SeccompProfile.parse({"defaultAction": "A", "syscalls": [{"action": "B"}]}).resolve([])


@pytest.mark.parametrize("rule", [{"names": ["read"]}, 3, {"names": ["read"], "includes": 7}, {"names": 5}])
def test_malformed_rule_is_an_error_of_ours(rule):
    with pytest.raises(SeccompError):
        SeccompProfile.parse({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}).resolve([])


def test_flags():
    assert seccomp_flags({}) == 4
    assert seccomp_flags({"flags": []}) == 0
    assert seccomp_flags({"flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC"]}) == 3
    with pytest.raises(SeccompError):
        seccomp_flags({"flags": ["TSYNC"]})


def test_cache_gives_the_same_bytes_and_the_file_is_private(tmp_path):
    oci, cache = resolve(), str(tmp_path / "seccomp")
    first = seccomp_program(oci, cache)
    (name,) = os.listdir(cache)
    assert first == compile_seccomp(oci) == seccomp_program(oci, cache) == seccomp_program(oci)
    assert os.stat(f"{cache}/{name}").st_mode & 0o7777 == 0o600
    changed = dict(oci, defaultErrnoRet=2)
    assert seccomp_program(changed, cache) != first
    assert len(os.listdir(cache)) == 2


@pytest.mark.parametrize("damage", ["owner", "mode", "link", "content", "truncated"])
def test_cache_file_that_somebody_else_could_have_written_is_not_used(tmp_path, damage):
    oci, cache = resolve(), str(tmp_path)
    good = seccomp_program(oci, cache)
    path = f"{cache}/{os.listdir(cache)[0]}"
    evil = b"LCMBPF1\n" + b"\x06\0\0\0\0\0\xff\x7f"  # allow everything
    with open(path, "wb") as file:
        file.write({"content": b"nonsense", "truncated": evil[:11]}.get(damage, evil))
    if damage == "owner":
        os.chown(path, 12345, 12345)
    elif damage == "mode":
        os.chmod(path, 0o660)
    elif damage == "link":
        os.rename(path, path + "-elsewhere")
        os.symlink(path + "-elsewhere", path)
    assert seccomp_program(oci, cache) == good
    assert os.stat(path, follow_symlinks=False).st_mode == 0o100600
    assert seccomp_program(oci, cache) == good


def test_cache_that_cannot_be_written_costs_only_time():
    assert seccomp_program(resolve(), "/proc/nowhere") == compile_seccomp(resolve())


def test_resolved_default_is_cached_per_capability_set(tmp_path):
    plain = resolved_default(DOCKER_DEFAULT, str(tmp_path))
    assert plain == resolved_default(tuple(reversed(DOCKER_DEFAULT)), str(tmp_path))
    assert len(os.listdir(tmp_path)) == 1
    assert resolved_default((*DOCKER_DEFAULT, "CAP_BPF"), str(tmp_path)) != plain
    with open(tmp_path / min(os.listdir(tmp_path)), "w") as file:
        file.write("{")
    assert resolved_default(DOCKER_DEFAULT, str(tmp_path)) == plain


def test_masked_paths_have_the_counters_of_the_cpus_that_are_there(tmp_path):
    for name in ("cpu0/thermal_throttle", "cpu1", "cpufreq/thermal_throttle", "cpu10/thermal_throttle"):
        (tmp_path / name).mkdir(parents=True)
    extra = set(masked_paths(str(tmp_path))) - set(masked_paths("/nowhere"))
    assert extra == {f"{tmp_path}/cpu0/thermal_throttle", f"{tmp_path}/cpu10/thermal_throttle"}

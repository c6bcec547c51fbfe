"""secman as a user runs it."""

import json
import subprocess
import sys

import pytest


def secman(*words):
    command = [sys.executable, "-m", "section07_security.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.lane("host", "guest")
def test_caps_run_becomes_the_command_with_what_was_asked_for():
    done = secman("caps", "run", "--drop", "ALL", "--add", "net_raw", "--", "grep", "^Cap", "/proc/self/status")
    assert done.returncode == 0
    assert {line.split("\t")[1] for line in done.stdout.splitlines()} == {"0000000000002000"}


@pytest.mark.lane("host", "guest")
def test_caps_show_and_decode():
    assert json.loads(secman("caps", "show", "1", "--json").stdout)["effective"]
    assert secman("caps", "decode", "0x21").stdout == "CAP_CHOWN\nCAP_KILL\n"
    done = secman("caps", "run", "--add", "SYS_ADMN", "--", "true")
    assert done.returncode == 125
    assert "did you mean CAP_SYS_ADMIN?" in done.stderr


@pytest.mark.lane("host", "guest")
def test_simulate_answers_for_profile_capabilities_and_architecture():
    def answer(*words):
        return secman("seccomp", "simulate", "--machine", "x86_64", *words).stdout.split("  ")[0]

    assert answer("mount") == "ERRNO 1 (EPERM)"
    assert answer("--cap-add", "SYS_ADMIN", "mount") == "ALLOW"
    assert answer("--arch", "x86", "socketcall") == "ALLOW"
    assert answer("--arch", "aarch64", "read") == "KILL_PROCESS"
    assert answer("personality", "0xffffffff") == "ALLOW"


@pytest.mark.lane("host", "guest")
def test_build_writes_what_disasm_shows(tmp_path):
    out = tmp_path / "filter.bpf"
    assert secman("seccomp", "build", "-o", str(out), "--dry-run").returncode == 0
    assert not out.exists()
    assert secman("seccomp", "build", "-o", str(out)).returncode == 0
    assert len(secman("seccomp", "disasm").stdout.splitlines()) == out.stat().st_size // 8

"""The calling convention: numbers for both machines, errors that name the call."""

import ctypes
import os
import pathlib
import re

import pytest

from section01_processes import LcmError, SyscallError, prototype, syscall, syscall_number

HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}
NAMES = ["rt_sigaction", "clone", "getcwd", "pivot_root", "keyctl", "ioprio_set", "seccomp", "bpf", "execveat"]


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_those_of_the_kernels_headers(machine):
    text = pathlib.Path(HEADERS[machine]).read_text()
    table = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text))
    for name in [*NAMES, "pidfd_open", "close_range", "openat2", "mount_setattr", "open_tree"]:
        assert syscall_number(name, machine) == int(table[name]), name


def test_an_unknown_machine_or_call_is_an_error_and_no_default():
    for name, machine in (("keyctl", "riscv64"), ("no_such_call", "x86_64")):
        with pytest.raises(SyscallError) as caught:
            syscall_number(name, machine)
        assert caught.value.errno == 38


def test_a_failed_call_is_an_os_error_that_names_itself():
    chdir = prototype("chdir", ctypes.c_char_p)
    with pytest.raises(SyscallError) as caught:
        chdir(b"/nothing")
    error = caught.value
    assert isinstance(error, OSError)
    assert isinstance(error, LcmError)
    assert (error.errno, error.exit_code) == (2, 125)
    assert str(error) == "chdir('/nothing'): No such file or directory (errno 2)"


def test_raw_calls_check_types_and_errors():
    getcwd = syscall("getcwd", ctypes.c_char_p, ctypes.c_ulong)
    buffer = ctypes.create_string_buffer(4096)
    assert getcwd(buffer, 4096) == len(os.getcwd()) + 1
    with pytest.raises(SyscallError, match="getcwd"):
        getcwd(buffer, 1)
    with pytest.raises(ctypes.ArgumentError):
        getcwd("text", 1)


def test_errors_carry_hint_and_stumbling_block():
    error = SyscallError(1, "setns", (3, b"\xff"), about="web", hint="be root", explain="LCM-NS-01")
    assert str(error) == (
        "web: setns(3, '\\udcff'): Operation not permitted (errno 1) (be root) [see ./course explain LCM-NS-01]"
    )

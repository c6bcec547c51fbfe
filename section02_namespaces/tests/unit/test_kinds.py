"""The table of kinds, and the errors' explanations."""

import os

import pytest

from section01_processes import SyscallError
from section02_namespaces import CLONE_NEWNET, CLONE_NEWNS, KINDS, NamespaceError, flags_of, kind_named, namespaces_of


def test_flags_are_those_of_the_kernel_header():
    assert {kind.name: kind.flag for kind in KINDS} == {
        "time": 0x80,
        "mnt": 0x20000,
        "cgroup": 0x2000000,
        "uts": 0x4000000,
        "ipc": 0x8000000,
        "user": 0x10000000,
        "pid": 0x20000000,
        "net": 0x40000000,
    }


def test_a_kind_has_the_kernels_name_and_the_specs():
    assert kind_named("mount") is kind_named("mnt")
    assert kind_named("network").flag == CLONE_NEWNET
    assert flags_of(["mount", "net"]) == CLONE_NEWNS | CLONE_NEWNET


def test_an_unknown_kind_names_those_that_exist():
    with pytest.raises(NamespaceError, match="user cgroup ipc uts net time mnt pid"):
        kind_named("network-namespace")


def test_own_namespaces_are_those_that_readlink_tells():
    for name, inode in namespaces_of("self").items():
        assert os.readlink(f"/proc/self/ns/{name}") == f"{name}:[{inode}]"


@pytest.mark.parametrize(
    ("errno", "flags", "explain"),
    [
        (28, CLONE_NEWNET, "LCM-US-03"),
        (1, CLONE_NEWNET, ""),
        pytest.param(22, CLONE_NEWNS, "", marks=pytest.mark.needs("kernel")),  # it counts the threads
    ],
)
def test_an_errno_gets_its_stumbling_block(errno, flags, explain):
    from section02_namespaces.errors import explain_unshare

    explained = explain_unshare(SyscallError(errno, "unshare", (flags,)), flags)
    assert explained.errno == errno
    assert explained.explain == explain

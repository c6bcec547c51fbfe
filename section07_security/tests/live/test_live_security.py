"""The kernel itself: each test in a child, which says what it saw through its exit status or a pipe."""

import ctypes
import json
import os

import pytest

from section07_security import (
    DOCKER_DEFAULT,
    CapabilitySets,
    SeccompProfile,
    SecurityMissing,
    apparmor_enabled,
    compile_seccomp,
    docker_seccomp_profile,
    drop_bounding,
    keep_capabilities,
    last_cap,
    load_seccomp,
    mask_of,
    prepare_seccomp,
    seccomp_flags,
    set_ambient,
    set_capabilities,
    set_exec_profile,
    set_no_new_privileges,
)
from section07_security.core.seccomp import syscall_table

libc = ctypes.CDLL(None, use_errno=True)
NUMBERS = syscall_table(os.uname().machine)


def in_child(run):
    """Return what ``run`` returns (as JSON) in a child of its own; a signal's number, negative, if it was killed."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(ours)
        try:
            os.write(theirs, json.dumps(run()).encode())
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
        os._exit(99)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        data = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return json.loads(data) if code == 0 else code


def errno_of(name, *args):
    """Make the system call ``name``; 0, or the errno."""
    result = libc.syscall(ctypes.c_long(NUMBERS[name]), *(ctypes.c_ulong(a) for a in args))
    return ctypes.get_errno() if result == -1 else 0


def sets():
    now = CapabilitySets.of("self")
    return {name: getattr(now, name) for name in CapabilitySets.__slots__}


@pytest.mark.lane("host", "guest")
def test_dockers_default_filter_refuses_and_allows_what_docker_does():
    oci = SeccompProfile.parse(docker_seccomp_profile()).resolve(DOCKER_DEFAULT)
    program = compile_seccomp(oci)

    def attempt():
        prepare_seccomp(program, seccomp_flags(oci))()
        return {
            "getpid": errno_of("getpid"), "mount": errno_of("mount", 0, 0, 0, 0, 0), "clone3": errno_of("clone3", 0, 0),
            "unshare user": errno_of("unshare", 0x10000000), "reboot": errno_of("reboot", 0, 0, 0),
            "personality 0": errno_of("personality", 0), "personality ask": errno_of("personality", 0xFFFFFFFF),
            "personality bad": errno_of("personality", 0x40000), "clone newuser": errno_of("clone", 0x10000000 | 17),
            "socket unix": errno_of("socket", 1, 1, 0), "socket vsock": errno_of("socket", 40, 1, 0),
            "add_key": errno_of("add_key", 0, 0, 0, 0, 0), "file_setattr": errno_of("file_setattr", 0),
        }  # fmt: skip

    seen = in_child(attempt)
    eperm, enosys = 1, 38
    assert seen == {
        "getpid": 0, "mount": eperm, "clone3": enosys, "unshare user": eperm, "reboot": eperm, "personality 0": 0,
        "personality ask": 0, "personality bad": eperm, "clone newuser": eperm, "socket unix": 0,
        "socket vsock": eperm, "add_key": eperm, "file_setattr": enosys,
    }  # fmt: skip


@pytest.mark.lane("host", "guest")
def test_actions_errno_kill_trap_log_as_the_kernel_does_them():
    def under(action, **more):
        rule = {"names": ["getppid"], "action": action, **more}
        program = compile_seccomp({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})

        def attempt():
            load_seccomp(program)
            return errno_of("getppid")

        return in_child(attempt)

    assert under("SCMP_ACT_ERRNO", errnoRet=123) == 123
    assert under("SCMP_ACT_KILL_PROCESS") == under("SCMP_ACT_KILL") == under("SCMP_ACT_TRAP") == -31  # SIGSYS
    assert under("SCMP_ACT_LOG") == under("SCMP_ACT_ALLOW") == 0
    assert under("SCMP_ACT_TRACE") == 38  # ENOSYS: nobody traces


@pytest.mark.lane("host", "guest")
def test_without_privilege_a_filter_needs_no_new_privs_and_the_error_says_so():
    program = compile_seccomp({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []})

    def attempt():
        os.setresuid(65534, 65534, 65534)
        try:
            load_seccomp(program)
            return "loaded"
        except OSError as error:
            text = f"{error.errno} {error}"
        set_no_new_privileges()
        load_seccomp(program)
        with open("/proc/self/status") as file:
            return [text, [line for line in file.read().splitlines() if line.startswith(("NoNew", "Seccomp:"))]]

    text, status = in_child(attempt)
    assert text.startswith("13 ")
    assert "LCM-SEC-02" in text
    assert status == ["NoNewPrivs:\t1", "Seccomp:\t2"]


@pytest.mark.lane("host", "guest")
def test_root_keeps_dockers_set_and_nothing_comes_back():
    mask = mask_of(DOCKER_DEFAULT)

    def attempt():
        drop_bounding(mask)
        set_capabilities(mask, mask, 0)
        set_ambient(0)
        return [sets(), errno_of("sethostname", 0, 0), errno_of("chroot", 0)]

    now, sethostname, chroot = in_child(attempt)
    assert now == {"bounding": mask, "effective": mask, "permitted": mask, "inheritable": 0, "ambient": 0}
    assert (sethostname, chroot) == (1, 14)  # EPERM: no CAP_SYS_ADMIN; EFAULT: CAP_SYS_CHROOT is there


@pytest.mark.lane("host", "guest")
def test_ordinary_user_keeps_ambient_capabilities_over_execve():
    mask = mask_of(["NET_BIND_SERVICE", "KILL"])

    def attempt():
        drop_bounding(mask)
        keep_capabilities()
        os.setresuid(65534, 65534, 65534)
        set_capabilities(mask, mask, mask)
        set_ambient(mask)
        ours, theirs = os.pipe()
        os.set_inheritable(theirs, True)
        if os.fork() == 0:
            os.dup2(theirs, 1)
            os.execv("/bin/cat", ["cat", "/proc/self/status"])
        os.wait()
        return os.read(ours, 65536).decode()

    after = CapabilitySets.parse_status(in_child(attempt))
    assert after == CapabilitySets(mask, mask, mask, mask, mask)


@pytest.mark.lane("host", "guest")
def test_ambient_needs_inheritable():
    def attempt():
        mask = mask_of(["KILL"])
        set_capabilities(mask, mask, 0)
        try:
            set_ambient(mask)
        except OSError as error:
            return error.errno
        return 0

    assert in_child(attempt) == 1


@pytest.mark.lane("host", "guest")
def test_the_kernel_knows_no_capability_that_we_do_not():
    assert 37 <= last_cap() <= 40


@pytest.mark.lane("host")
def test_asking_for_apparmor_where_there_is_none_is_a_clear_error():
    assert not apparmor_enabled()
    with pytest.raises(SecurityMissing, match="docker-default"):
        set_exec_profile("docker-default")

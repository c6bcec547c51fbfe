"""One more process in a running container."""

import os

import pytest

from section01_processes import LcmError
from section08_oci import ExecOptions, IllegalTransition, exec_process
from section08_oci.bundle import Bundle

pytestmark = pytest.mark.lane("host", "guest")
KINDS = ("pid", "net", "ipc", "uts", "mnt", "cgroup", "user")


@pytest.fixture
def running(box):
    """A running container whose config.json is in its bundle, as a runtime finds it."""
    from section01_processes import format_json

    with open(f"{box.folder}/config.json", "w") as file:
        file.write(format_json(box.spec))
    box.up("sleep", "100")
    assert Bundle(box.folder).spec["hostname"] == "ociman"
    return box


def execute(box, *args, stdin=None, **changes):
    """Run args in the container; return the Created."""
    options = box.options()
    process = {**box.process, "args": list(args), **changes}
    try:
        made = exec_process(box.state_dir, process, ExecOptions(stdio=options.stdio, console_size=(30, 100)))
    finally:
        for fd in box.fds:
            os.close(fd)
    box.created.append(made)
    return made


def test_it_shares_namespaces_and_cgroup_with_the_init_and_is_our_child(running):
    made = execute(running, "sleep", "100")
    init = running.created[0].pid
    for kind in KINDS:
        assert os.stat(f"/proc/{made.pid}/ns/{kind}").st_ino == os.stat(f"/proc/{init}/ns/{kind}").st_ino, kind
    with open(f"/proc/{made.pid}/cgroup") as one, open(f"/proc/{init}/cgroup") as other:
        assert one.read() == other.read()
    assert sorted(os.listdir(f"/proc/{made.pid}/fd")) == ["0", "1", "2"]
    assert os.readlink(f"/proc/{made.pid}/root") == os.readlink(f"/proc/{init}/root")
    with open(f"/proc/{made.pid}/stat") as file:
        parent, _, session = file.read().rpartition(")")[2].split()[1:4]
    assert (int(parent), int(session)) == (os.getpid(), made.pid)
    made.child.signal(9)


def test_exit_code_and_output(running):
    made = execute(running, "sh", "-c", "echo $$ > /dev/null; id -u; exit 3", user={"uid": 7, "gid": 8})
    assert made.child.wait() == 3
    assert running.output() == "7\n"


@pytest.mark.parametrize(("program", "code"), [("nonesuch", 127), ("/bin", 126)])
def test_a_program_that_cannot_run_is_told(running, program, code):
    with pytest.raises(LcmError, match="exec") as error:
        execute(running, program)
    assert error.value.exit_code == code


def test_a_terminal_of_its_own(running):
    made = execute(running, "sh", "-c", "tty; stty size", terminal=True)
    text = b""
    while True:
        try:
            text += os.read(made.console, 1024)
        except OSError:
            break
    os.close(made.console)
    assert text.split() == [b"/dev/pts/0", b"30", b"100"]


def test_a_stopped_container_cannot_be_entered(running):
    running.created[0].child.signal(9)
    running.created[0].child.wait()
    with pytest.raises(IllegalTransition, match="stopped"):
        execute(running, "true")


def test_the_filter_and_the_capabilities_are_the_containers(box):
    from section01_processes import format_json
    from section07_security import CapabilitySets, SeccompProfile, docker_seccomp_profile

    names = box.process["capabilities"]["bounding"]
    box.spec["linux"]["seccomp"] = SeccompProfile.parse(docker_seccomp_profile()).resolve(names)
    with open(f"{box.folder}/config.json", "w") as file:
        file.write(format_json(box.spec))
    init = box.up("sleep", "100").pid
    made = execute(box, "sleep", "100")
    with open(f"/proc/{made.pid}/status") as file:
        assert "Seccomp:\t2\n" in file.read()
    assert CapabilitySets.of(made.pid) == CapabilitySets.of(init)
    made.child.signal(9)


def test_it_enters_a_user_namespace_too(box):
    from section01_processes import format_json
    from section07_security import CapabilitySets

    box.spec["linux"]["namespaces"].append({"type": "user"})
    for key in ("uidMappings", "gidMappings"):
        box.spec["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    for folder, _, names in os.walk(box.rootfs):
        for path in (folder, *(f"{folder}/{name}" for name in names)):
            os.lchown(path, 100000, 100000)
    with open(f"{box.folder}/config.json", "w") as file:
        file.write(format_json(box.spec))
    init = box.up("sleep", "100").pid
    made = execute(box, "sleep", "100")
    assert os.stat(f"/proc/{made.pid}/ns/user").st_ino == os.stat(f"/proc/{init}/ns/user").st_ino
    assert os.stat(f"/proc/{made.pid}").st_uid == 100000
    assert CapabilitySets.of(made.pid) == CapabilitySets.of(init)
    made.child.signal(9)


def test_a_process_that_fails_before_its_child_has_told_its_pid_is_reaped(running, slow_child):
    """A zombie that nobody waits for would keep the container's init from ending for ever."""

    def children():
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return set(file.read().split())

    before = children()
    with pytest.raises(LcmError, match="working directory"):
        execute(running, "true", cwd="/proc/self/fd/9")
    assert children() == before

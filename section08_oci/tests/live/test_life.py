"""The life of a container, by what the kernel says about it."""

import os
import subprocess
import sys
import time

import pytest

from section01_processes import LcmError
from section08_oci import IllegalTransition, InsideError, delete, kill, life, start, state

pytestmark = pytest.mark.lane("host", "guest")


def gone(pid):
    """Tell whether a process has ended; it may go at any moment, also between two looks."""
    try:
        return status_of(pid, "State")[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def status_of(pid, name):
    with open(f"/proc/{pid}/status") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith(name + ":"))


def test_a_container_is_pid_one_with_its_own_name_and_its_exit_code(box):
    code, text = box.run("sh", "-c", "echo $$; hostname; exit 7")
    assert (code, text) == (7, "1\nociman\n")


def test_all_namespaces_are_new_and_no_descriptor_came_along(box):
    pid = box.up("sleep", "100").pid
    for kind in ("pid", "net", "ipc", "uts", "mnt", "cgroup"):
        assert os.stat(f"/proc/{pid}/ns/{kind}").st_ino != os.stat(f"/proc/self/ns/{kind}").st_ino
    assert os.stat(f"/proc/{pid}/ns/user").st_ino == os.stat("/proc/self/ns/user").st_ino
    assert sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"]


def test_the_program_starts_with_clean_signals_and_only_the_specs_environment(box):
    box.process["env"] = ["PATH=/bin", "A=b"]
    pid = box.up("sleep", "100").pid
    with open(f"/proc/{pid}/environ", "rb") as file:
        assert file.read() == b"PATH=/bin\0A=b\0"
    assert {status_of(pid, name) for name in ("SigIgn", "SigBlk", "SigCgt")} == {"0" * 16}


def test_create_stops_at_the_gate_and_any_process_opens_it(box):
    made = box.create("echo", "started")
    assert state(box.state_dir)["status"] == "created"
    assert state(box.state_dir)["pid"] == made.pid
    assert box.output() == ""
    code = f"from section08_oci import start; start({box.state_dir!r})"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert made.child.wait() == 0
    assert box.output() == "started\n"
    assert state(box.state_dir)["status"] == "stopped"


def test_operations_that_the_state_forbids_are_refused(box):
    made = box.up("sleep", "100")
    assert state(box.state_dir)["status"] == "running"
    with pytest.raises(IllegalTransition, match="cannot start"):
        start(box.state_dir)
    with pytest.raises(IllegalTransition, match="cannot delete"):
        delete(box.state_dir)
    kill(box.state_dir, 9)
    assert made.child.wait() == 137
    with pytest.raises(IllegalTransition, match="cannot signal"):
        kill(box.state_dir, 15)


def test_kill_all_reaches_every_process_of_the_cgroup(box):
    del box.spec["linux"]["namespaces"][0]  # no pid namespace: the init's end would not end the others
    made = box.up("sh", "-c", "sleep 100 & sleep 100 & echo ready; wait")
    kill(box.state_dir, 9, all=True)
    assert made.child.wait() == 137


@pytest.mark.parametrize(
    ("program", "code", "text"),
    [("nonesuch", 127, "not found"), ("/nope", 127, "no such file"), ("/bin", 126, "directory"), ("/x", 126, "denied")],
)
def test_a_program_that_cannot_run_is_told_at_create(box, program, code, text):
    with open(f"{box.rootfs}/x", "w"):
        pass
    with pytest.raises(InsideError, match=text) as error:
        box.create(program)
    assert error.value.exit_code == code


@pytest.mark.parametrize(("content", "code"), [("garbage", 126), ("#!/bin/nonesuch\n", 127)])
def test_a_program_that_the_kernel_refuses_is_told_at_start(box, content, code):
    with open(f"{box.rootfs}/x", "w") as file:
        file.write(content)
    os.chmod(f"{box.rootfs}/x", 0o755)
    made = box.create("/x")
    with pytest.raises(LcmError, match="exec") as error:
        start(box.state_dir)
    assert error.value.exit_code == code
    assert made.child.wait() == code


def test_a_cwd_through_a_leaked_descriptor_does_not_reach_the_host(box):
    """CVE-2024-21626: every number is tried; none may lead out."""
    leak = os.open("/", os.O_RDONLY)
    os.set_inheritable(leak, True)
    try:
        for number in range(3, 16):
            box.process["cwd"] = f"/proc/self/fd/{number}"
            with pytest.raises(InsideError, match="working directory"):
                box.create("ls")
            delete(box.state_dir, force=True)
            os.mkdir(box.state_dir)
    finally:
        os.close(leak)


def test_the_runtimes_own_descriptors_are_closed_in_init_and_child(box):
    reader, writer = os.pipe()
    box.create("sleep", "100", close_first=(writer,))
    os.close(writer)
    assert os.read(reader, 1) == b""  # end of file: nobody else holds the write end, though the init waits at its gate
    os.close(reader)


def test_a_container_can_be_tied_to_the_life_of_its_runtime(box):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        box.up("sleep", "100", die_with_parent=True)
        os.write(writer, str(box.created[0].pid).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    init = os.read(reader, 20).decode()
    os.close(reader)
    os.close(writer)
    deadline = time.monotonic() + 30
    while not gone(init):
        assert time.monotonic() < deadline, "it outlives its runtime"
        time.sleep(0.01)


def test_a_forced_delete_stands_an_init_that_ends_while_it_looks(box, monkeypatch):
    made, open_init = box.up("sleep", "100"), life.open_init

    def too_late(record):
        assert record.alive()
        made.child.signal(9)
        made.child.wait()
        return open_init(record)

    monkeypatch.setattr(life, "open_init", too_late)
    delete(box.state_dir, force=True)
    assert not os.path.exists(box.state_dir)
    assert box.cgroup_folders() == []


def test_a_failure_in_the_callers_own_steps_leaves_no_process(box):
    from section01_processes import Step

    seen = {}

    def between(pid):
        seen["pid"] = pid
        raise LcmError("no address is free")

    from section01_processes import Slot

    with pytest.raises(LcmError, match="no address is free"):
        box.create("true", between=[Step(between, Slot("pid"), about="the network")])
    assert not os.path.exists(f"/proc/{seen['pid']}")

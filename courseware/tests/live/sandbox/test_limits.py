"""What a submission may use in its sandbox, and what the place says when it wants more."""

import os
import signal
from textwrap import dedent

import pytest

pytestmark = [pytest.mark.lane("host", "guest"), pytest.mark.needs("userns")]
TELL = "import json, os, sys\ndef tell(value): print(json.dumps(value))\n"
KILLED = "KILLED(SIGKILL)"


def until(condition, process, seconds=60):
    """Wait until ``condition()``; the process's end ends the wait, too."""
    import time

    end = time.monotonic() + seconds
    while not condition() and process.wait(0.05) is None:
        assert time.monotonic() < end, "nothing happened"
    return condition()


def test_one_process_has_so_much_memory_and_no_more(inside):
    status, text = inside(memory="64M").run("data = bytearray(200 * 1024 ** 2)")
    assert os.waitstatus_to_exitcode(status) == 1
    assert text.strip().endswith("MemoryError")


def test_many_processes_together_have_not_more(inside):
    box = inside(memory="64M")
    source = """
        for _ in range(8):
            if os.fork() == 0:
                data = bytearray(os.urandom(1024 * 1024) * 40)
                break
        import time; time.sleep(1000)
    """
    process = box.start("import os\n" + dedent(source))
    assert until(process.broken, process) == "OOM"


def test_a_fork_bomb_stays_small_and_is_seen(inside):
    box = inside(processes=10)
    source = """
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """
    process = box.start("import os\n" + dedent(source))
    assert until(process.broken, process) == KILLED
    space = os.stat(f"/proc/{process.pid}/ns/pid").st_ino
    assert len(pids_in(space)) <= 10 + 16 + 2
    signal.pidfd_send_signal(process.pidfd, signal.SIGKILL)
    box.close()
    assert pids_in(space) == []


def pids_in(space):
    """Return the pids of the processes in the pid namespace with this inode."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}/ns/pid").st_ino == space:
                found.append(int(name))
        except OSError:
            continue
    return found


def test_files_folders_and_shared_memory_are_small(inside):
    source = """
        def fill(folder):
            number = 0
            try:
                while number < 1000:
                    with open(f"{folder}/{number}", "wb") as file:
                        file.write(bytes(500_000))
                    number += 1
            except OSError as error:
                return number, error.errno
        def large():
            import signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            try:
                os.truncate("/tmp/large", 1 << 40)
            except OSError as error:
                return error.errno
        open("/tmp/large", "w").close()
        tell([large(), *(fill(folder) for folder in ("/scratch", "/tmp", "/dev/shm"))])
    """
    large, *filled = inside(file_size="1M").ask(TELL + dedent(source))
    assert large == 27  # EFBIG
    assert [errno for _, errno in filled] == [28, 28, 28]  # ENOSPC
    assert all(4 <= number <= 8 for number, _ in filled), filled


def test_as_many_processes_as_allowed_can_run(inside):
    box = inside(processes=6)
    source = """
        children = [os.fork() for _ in range(5) if os.getpid() == me] if (me := os.getpid()) else []
        if os.getpid() != me:
            sys.exit(0)
        tell([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
    """
    assert box.ask(TELL + dedent(source)) == [0] * 5
    assert box.place.broken() == ""


def test_a_link_in_the_scratch_folder_leads_the_test_nowhere(inside, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the host's")
    box = inside()
    source = """
        os.symlink(sys.argv[1], "answer")
        os.symlink("/", "root")
        os.mkdir("real")
        with open("real/file", "w") as file:
            file.write("mine")
        os.symlink("file", "real/link")
        with open("real/link") as file:
            tell(file.read())
    """
    assert box.ask(TELL + dedent(source), str(secret)) == "mine"
    folder = box.place.folder
    assert (folder / "real" / "file").read_text() == "mine"
    for path in (folder / "answer", folder / "root" / "etc" / "passwd", folder / "real" / "link"):
        with pytest.raises(OSError, match="Too many levels of symbolic links"):
            path.read_text()
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        (folder / "answer").write_text("overwritten")
    assert secret.read_text() == "the host's"
    assert os.readlink(folder / "answer") == str(secret)
    assert sorted(os.listdir(folder / "..")) == sorted(os.listdir(folder)), ".. of the top is the top"


def test_test_and_submission_share_the_scratch_folder(inside):
    box = inside()
    (box.place.folder / "in").write_text("from the test")
    probe = box.place.folder / "probe"
    probe.write_text("#!/usr/bin/sh\nexit 7\n")
    probe.chmod(0o755)
    source = "open('out', 'w').write(open('in').read().upper()); tell([os.getcwd(), os.access('probe', os.X_OK)])"
    assert box.ask(TELL + source) == ["/scratch", True]
    assert (box.place.folder / "out").read_text() == "FROM THE TEST"

"""The last mile: what a new program finds, asked from the program itself."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from section01_processes import ChildFailed, change_directory, close_from, exec_program, prepare_execve, spawn

pytestmark = pytest.mark.lane("host", "guest")
PYTHON = os.path.realpath(sys.executable)


def output(run):
    reader, writer = os.pipe()

    def child():
        os.dup2(writer, 1)
        run()

    with spawn(child, report=True) as process:
        os.close(writer)
        with open(reader, "rb") as pipe:
            text = pipe.read()
        assert process.wait() == 0
    return text.decode(errors="surrogateescape")


def cat(*paths, **options):
    return output(lambda: exec_program(["/bin/cat", *paths], [], **options))


def test_signals_are_all_default_and_none_is_blocked():
    def run():
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGRTMIN, signal.SIGRTMAX):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        exec_program(["/bin/cat", "/proc/self/status"], [])

    fields = dict(line.split(":\t") for line in output(run).splitlines() if line.startswith("Sig"))
    assert {fields[name] for name in ("SigIgn", "SigBlk", "SigCgt")} == {"0" * 16}


def test_only_kept_descriptors_are_there():
    first, second = os.open("/etc/passwd", os.O_RDONLY), os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(second, True)  # even those that were left inheritable must not pass
    listing = output(lambda: exec_program(["/bin/ls", "/proc/self/fd"], [], keep=[first]))
    os.close(first)
    os.close(second)
    own = set(listing.split()) - {"0", "1", "2", str(first)}
    assert len(own) == 1  # ls's own descriptor of the folder
    assert str(first) in listing.split()


def test_the_environment_is_exactly_what_was_given():
    assert cat("/proc/self/environ") == ""
    pairs = [b"A=1", b"A=2", b"ODD", b"B=\xff"]
    text = output(lambda: exec_program(["/bin/cat", "/proc/self/environ"], pairs))
    assert os.fsencode(text) == b"\0".join(pairs) + b"\0"


def test_arguments_are_bytes_and_the_name_can_differ():
    text = output(lambda: exec_program(["/bin/cat", "--", b"/proc/self/cmdline"], [], argv0="other"))
    assert text == "other\0--\0/proc/self/cmdline\0"


def test_umask_is_the_usual_one():
    os.umask(old := os.umask(0o777))
    assert "Umask:\t0022" in output(lambda: (os.umask(0o777), exec_program(["/bin/cat", "/proc/self/status"], [])))
    assert os.umask(old) == old


def test_working_directory_is_entered(tmp_path):
    def there():
        change_directory(str(tmp_path))
        exec_program(["/bin/pwd"], [])

    assert output(there).strip() == str(tmp_path)


@pytest.mark.parametrize(
    ("run", "code", "words"),
    [
        (lambda: exec_program(["/nothing"], []), 127, "no such file"),
        (lambda: exec_program(["/etc/passwd"], []), 126, "permission denied"),
        (lambda: exec_program(["/etc"], []), 126, "permission denied"),
        (lambda: change_directory("/nothing"), 126, "working directory '/nothing': No such file"),
        (lambda: change_directory("/etc/passwd"), 126, "working directory '/etc/passwd': Not a directory"),
    ],
)
def test_failures_have_docker_s_codes(run, code, words):
    with pytest.raises(ChildFailed) as caught:
        spawn(run, report=True)
    assert caught.value.exit_code == code
    assert words in str(caught.value)


def test_a_missing_interpreter_is_named(tmp_path):
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    with pytest.raises(ChildFailed, match="LCM-FS-03") as caught:
        spawn(lambda: exec_program([str(script)], []), report=True)
    assert caught.value.exit_code == 127


def test_a_file_of_no_known_format_is_126(tmp_path):
    (tmp_path / "text").write_text("no program\n")
    (tmp_path / "text").chmod(0o755)
    with pytest.raises(ChildFailed, match="exec format error") as caught:
        spawn(lambda: exec_program([str(tmp_path / "text")], []), report=True)
    assert caught.value.exit_code == 126


@pytest.mark.needs("root")
def test_a_working_directory_outside_the_root_is_refused(tmp_path):
    """CVE-2024-21626: a descriptor of the host's folder survives the change of root, and the path leads through it."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "bin").mkdir()
    busybox = shutil.which("busybox")
    shutil.copy(busybox, tmp_path / "bin" / "busybox")

    def run(cwd):
        leaked = os.open("/etc", os.O_RDONLY)
        os.dup2(leaked, 50)
        os.chroot(tmp_path)
        os.chdir("/")
        change_directory(cwd)
        exec_program(["/bin/busybox", "true"], [])

    subprocess.run(["mount", "--bind", "/proc", tmp_path / "proc"], check=True)
    try:
        with spawn(lambda: run("/bin"), report=True) as child:
            assert child.wait() == 0
        with pytest.raises(ChildFailed, match="leads out of the container"):
            spawn(lambda: run("/proc/self/fd/50"), report=True)
    finally:
        subprocess.run(["umount", tmp_path / "proc"], check=True)


def test_the_prepared_call_makes_execve_and_nothing_else(tmp_path, program):
    code = """
import gc, os
from section01_processes import prepare_execve
bad, good = prepare_execve("/nothing", [b"x"], []), prepare_execve("/bin/true", [b"true"], [b"A=1"])
gc.disable()
os.getpgid(0)
assert bad() == 2
good()
"""
    trace = tmp_path / "trace"
    subprocess.run([program("strace"), "-o", trace, sys.executable, "-c", code], check=True)
    lines = trace.read_text().splitlines()
    begin = max(number for number, text in enumerate(lines) if text.startswith("getpgid("))
    assert lines[begin + 1].startswith('execve("/nothing"')
    assert lines[begin + 2].startswith('execve("/bin/true"')


def test_execve_by_descriptor():
    fd = os.open("/bin/echo", os.O_PATH)
    assert output(lambda: prepare_execve("", [b"echo", b"by fd"], [], fd=fd)()) == "by fd\n"
    os.close(fd)


@pytest.mark.parametrize("at_exec", [False, True])
def test_close_from_spares_only_what_it_is_told(at_exec):
    def run():
        for fd in range(100, 110):
            os.dup2(0, fd)
        close_from(101, keep=(105, 103, 7), at_exec=at_exec)
        left = [fd for fd in range(100, 110) if os.path.exists(f"/proc/self/fd/{fd}")]
        marked = [fd for fd in left if not os.get_inheritable(fd)]
        if at_exec:
            return int(left != list(range(100, 110)) or marked != [101, 102, 104, 106, 107, 108, 109])
        return int(left != [100, 103, 105] or marked != [])

    with spawn(run) as child:
        assert child.wait() == 0


@pytest.mark.parametrize("at_exec", [False, True])
def test_close_from_without_close_range(at_exec, monkeypatch):
    from section01_processes import _syscalls

    def refused(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(_syscalls, "_close_range", refused)
    test_close_from_spares_only_what_it_is_told(at_exec)

"""The interpreter that a container may see cannot be written to (CVE-2019-5736), tried as the attack does it."""

import errno
import os
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest

import section01_processes
from section01_processes import ChildFailed, ProcessIdentity, protected_copy, spawn, start_interpreter
from section01_processes.interpreter import sealed_copy

pytestmark = pytest.mark.lane("host", "guest")
NOEXEC = "/proc/sys/vm/memfd_noexec"
ANSWER = "import os, sys; os.write(1, repr({}).encode())"


@pytest.fixture
def python(tmp_path):
    """An interpreter that nobody else runs: only then a refused write proves something."""
    copy = tmp_path / "python-copy"
    shutil.copy(os.path.realpath(sys.executable), copy)
    return copy


def write_after_exit(python, **options):
    """Hold the running interpreter as the attack does, wait until it ended, open it for writing; return the errno."""
    reader, writer = os.pipe()
    with start_interpreter(["-c", "open(0).read()"], stdin=reader, executable=str(python), **options) as child:
        held = os.open(f"/proc/{child.pid}/exe", os.O_PATH)
        os.close(writer)
        assert child.wait() == 0
    os.close(reader)
    try:
        os.close(os.open(f"/proc/self/fd/{held}", os.O_WRONLY))
    except OSError as error:
        return error.errno
    finally:
        os.close(held)
    return 0


@pytest.mark.needs("root")
def test_the_interpreter_lies_on_a_read_only_mount(python):
    assert write_after_exit(python) == errno.EROFS


def test_without_the_defence_the_attack_works(python):
    assert write_after_exit(python, readonly=False) == 0


def test_a_sealed_copy_cannot_be_written_either(python):
    """What an ordinary user gets, tried by hand: the file may be opened, and every change is refused."""
    fd = sealed_copy(str(python))
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)
    with pytest.raises(PermissionError):
        os.write(again, b"#!")
    with pytest.raises(PermissionError):
        os.ftruncate(again, 0)
    os.close(again)
    os.close(fd)


@pytest.mark.needs("root")
def test_an_ordinary_user_gets_the_sealed_copy():
    def run():
        os.setgid(65534)
        os.setuid(65534)
        fd = protected_copy("/bin/true")
        return 0 if os.readlink(f"/proc/self/fd/{fd}").startswith("/memfd:true") else 1

    with spawn(run) as child:
        assert child.wait() == 0


@pytest.mark.needs("root")
def test_no_mount_is_left():
    before = open("/proc/self/mountinfo").read()
    with start_interpreter(["-c", ""]) as child:
        assert open("/proc/self/mountinfo").read() == before
        assert child.wait() == 0


def answer(expression, **options):
    reader, writer = os.pipe()
    with start_interpreter(["-c", ANSWER.format(expression)], stdout=writer, **options) as child:
        os.close(writer)
        with open(reader, "rb") as pipe:
            text = pipe.read()
        if not options.get("double_fork"):
            assert child.wait() == 0
    return eval(text)


@pytest.mark.parametrize("readonly", [True, False])
def test_python_finds_its_home_wherever_the_executable_lies(readonly):
    prefix, flags, json = answer("(sys.prefix, sys.flags.isolated + sys.flags.no_site, __import__('json').__name__)",
                                 readonly=readonly)  # fmt: skip
    assert (prefix, flags, json) == (sys.base_prefix, 2, "json")


def test_descriptors_environment_and_session_are_as_asked(tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY)
    expression = (
        "(sorted(map(int, os.listdir('/proc/self/fd'))), os.environb, os.getsid(0) == os.getpid(), os.getcwd())"
    )
    expression = expression.replace("os.environb", "dict(os.environ)")
    fds, env, leads, cwd = answer(expression, inherit=[fd], env=["A=b"], new_session=True, stdin=-1, cwd=str(tmp_path))
    assert fds[:3] == [0, 1, 2]
    assert fd in fds
    assert len(fds) == 5  # and the listing's own
    assert env == {"A": "b"} or env == {"A": "b", "LC_CTYPE": "C.UTF-8"}
    assert leads
    assert cwd == str(tmp_path)
    os.close(fd)


def test_stdio_may_be_crossed():
    left, other = os.pipe()
    with start_interpreter(["-c", "import os; os.write(2, b'to two')"], stderr=other, stdin=-1) as child:
        child.wait()
    assert os.read(left, 99) == b"to two"
    os.close(left)
    os.close(other)


def test_double_fork_makes_nobodys_child():
    reader, writer = os.pipe()
    with start_interpreter(["-c", "open(0).read()"], stdin=reader, double_fork=True, new_session=True) as child:
        identity = ProcessIdentity.of(child.pid)
        with pytest.raises(ChildProcessError):
            child.wait()
        assert select.select([child], [], [], 0)[0] == []
        os.close(writer)
        assert select.select([child], [], [], 60)[0] == [child]
        deadline = time.monotonic() + 60
        while identity.alive():
            assert time.monotonic() < deadline, "it does not end"
            time.sleep(0.01)
    os.close(reader)


def test_a_missing_script_or_interpreter_is_an_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        start_interpreter(["-c", ""], executable=str(tmp_path / "none"))
    (tmp_path / "text").write_text("no program")
    (tmp_path / "text").chmod(0o755)
    before = sorted(os.listdir("/proc/self/fd"))
    for double_fork in (False, True):
        with pytest.raises(ChildFailed, match="exec format"):
            start_interpreter(["-c", ""], executable=str(tmp_path / "text"), double_fork=double_fork)
    assert sorted(os.listdir("/proc/self/fd")) == before


PROTECTED = """
import os, sys
sys.path[:0] = sys.argv[1:2]
from section01_processes import protect_interpreter
print(os.getpid(), flush=True)
protect_interpreter("some-tool")
print(open("/proc/self/comm").read().strip(), sys.argv[2:], sys.flags.no_site, sys.executable)
print(os.readlink("/proc/self/exe"), sys.stdin.read(), sorted(os.listdir("/proc/self/fd")), sep="; ", flush=True)
os.kill(os.getpid(), int(sys.argv[2]))
"""


def protected(*arguments, wrapped=(), ordinary=False, **options):
    project = os.path.dirname(os.path.dirname(section01_processes.__file__))
    command = [*wrapped, sys.executable, "-I", "-S", "-c", PROTECTED, project, *arguments]
    if ordinary:
        options |= {"user": 65534, "group": 65534, "extra_groups": []}
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.mark.needs("root")
@pytest.mark.parametrize(("ordinary", "executable"), [(False, "/"), (True, "/memfd:python")])
def test_a_tool_moves_to_a_protected_interpreter_in_place(ordinary, executable):
    """Its pid, words, flags, standard input and name stay; its end is its own; no descriptor is left over."""
    done = protected("15", "two words", "", ordinary=ordinary, input="typed")
    first, second, words, facts = done.stdout.splitlines()
    assert first == second
    assert words == f"some-tool ['15', 'two words', ''] 1 {sys.executable}"
    place, text, fds = facts.split("; ")
    assert place.startswith(executable)  # "/": the file is the root of its mount
    assert (text, fds) == ("typed", "['0', '1', '2', '3']")  # 3: the listing's own
    assert (done.returncode, done.stderr) == (-signal.SIGTERM, "")


@pytest.mark.needs("root")
def test_a_tool_that_cannot_be_protected_does_not_go_on():
    done = protected("0", ordinary=True, wrapped=["prlimit", "--fsize=0"])
    error = "some-tool: error: cannot protect the interpreter: [Errno 27] File too large\n"
    assert (done.returncode, done.stderr) == (125, error)
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.lane("host")
@pytest.mark.skipif(not os.path.exists(NOEXEC), reason="Linux 6.3 has it, one per pid namespace")
@pytest.mark.needs("root")
@pytest.mark.parametrize(("value", "code", "said"), [(1, 0, ""), (2, 125, "the sysctl vm.memfd_noexec is 2")])
def test_where_memory_is_not_executable_by_default_the_copy_asks_to_be(value, code, said):
    script = f'echo {value} > {NOEXEC}; exec setpriv --reuid=65534 --clear-groups -- "$@"'
    wrapped = ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-ec", script, "-"]
    done = protected("0", wrapped=wrapped, input="")
    assert (done.returncode, said in done.stderr) == (code, True)
    assert ("/memfd:python" in done.stdout) == (not said)

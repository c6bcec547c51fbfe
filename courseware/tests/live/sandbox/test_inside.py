"""What a submission finds in its sandbox: nothing of the host, and no way to gain anything."""

import json
import os
import socket
import sysconfig
from textwrap import dedent

import pytest

from courseware.exercises.place import interpreter
from courseware.exercises.sandbox import NOBODY, host_files
from section04_filesystem import MountTable

pytestmark = [pytest.mark.lane("host", "guest"), pytest.mark.needs("userns")]
CLONE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__)))))
STDLIB = sysconfig.get_path("stdlib")
DEVICES = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")}
OWN = {"/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/tmp", "/scratch"}
TELL = "import json, os, sys\ndef tell(value): print(json.dumps(value))\n"


def test_the_mounts_are_those_that_were_planned(inside):
    found = MountTable.parse(inside().ask(TELL + "tell(open('/proc/self/mountinfo').read())"))
    masks = {m.target for m in found if m.target.startswith("/proc/") or m.target.endswith(("-packages",))}
    ours = [mount for mount in found if mount.target not in masks]
    assert {mount.target for mount in ours} == OWN | DEVICES | {STDLIB, *host_files(())}
    words = {mount.target: mount.flags for mount in ours}
    assert {target for target, flags in words.items() if "ro" not in flags} == (OWN - {"/", "/dev"}) | DEVICES
    assert {target for target, flags in words.items() if "nosuid" not in flags} == {"/"} | DEVICES
    assert [mount.root for mount in found if CLONE in mount.root] == []


def test_no_folder_of_the_host_is_there(inside):
    seen = inside().ask(
        TELL
        + "paths = sys.argv[1:]\n"
        + "tell([sorted(os.listdir('/')), [p for p in paths if os.path.lexists(p)], sorted(os.listdir('/etc'))])",
        *(CLONE, os.path.expanduser("~"), "/home", "/root", "/var", "/sys", "/run", "/boot", "/opt", "/mnt"),
    )
    top = ["bin", "dev", "etc", "lib", "lib64", "modules", "proc", "sbin", "scratch", "submission", "tmp", "usr"]
    assert seen == [top, [], ["group", "hosts", "passwd"]]


def test_only_its_own_processes_are_there_and_the_init_tells_nothing(inside):
    source = """
    def look(name):
        try:
            return open(f"/proc/1/{name}", "rb").read().rstrip(b"\\0").decode()
        except OSError as error:
            return error.errno
    files = ("cmdline", "environ", "maps", "mem", "stack")
    links = []
    for name in ("root", "cwd", "exe", "fd", "ns/net"):
        try:
            os.listdir("/proc/1/fd") if name == "fd" else os.readlink(f"/proc/1/{name}")
            links.append(name)
        except OSError:
            pass
    tell([[p for p in os.listdir("/proc") if p.isdigit()], [look(name) for name in files], links, os.getpid()])
    """
    pids, (cmdline, *secret), links, me = inside().ask(TELL + dedent(source))
    assert pids == ["1", str(me)]
    assert cmdline == "init"
    assert all(isinstance(answer, int) for answer in secret), secret
    assert links == []


def test_it_has_no_capability_no_privilege_to_gain_and_a_filter(inside):
    box = inside()
    source = "tell(dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines()))"
    status = {key: value.split() for key, value in box.ask(TELL + source).items()}
    assert {status[f"Cap{name}"][0].strip("0") for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {""}
    assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])
    assert status["Uid"] == ["1000"] * 4
    assert status["NSpid"][-1] != "1"


def test_on_the_host_it_is_nobody_or_the_user_himself_and_never_root(inside):
    box = inside()
    process = box.start("import time; time.sleep(1000)")
    uids = {line for line in open(f"/proc/{process.pid}/status").read().splitlines() if line.startswith("Uid")}
    wanted = os.geteuid() or NOBODY
    assert uids == {"\t".join(["Uid:", *[str(wanted)] * 4])}
    assert os.stat(box.place.folder).st_uid == wanted


def test_a_setuid_program_gives_nothing(inside):
    box = inside(programs=("su",))
    source = """
    status = os.stat("/usr/bin/su")
    child = os.posix_spawn("/usr/bin/su", ["su", "-c", "true"], {}, file_actions=[
        (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    uids = [line.split()[1:] for line in open(f"/proc/{child}/status") if line.startswith("Uid")]
    tell([bool(status.st_mode & 0o4000), uids, os.waitpid(child, 0)[1]])
    """
    setuid, uids, ended = box.ask(TELL + dedent(source))
    assert setuid, "su is no set-user-id program here; the test shows nothing"
    assert uids == [["1000"] * 4]
    assert ended != 0


def test_it_can_write_nothing_but_its_own_folders(inside):
    source = """
    def attempt(path):
        try:
            with open(path, "w") as file:
                file.write("x")
            return ""
        except OSError as error:
            return type(error).__name__ + str(error.errno)
    tell({path: attempt(path) for path in sys.argv[1:]})
    """
    paths = ("/x", "/etc/passwd", "/submission/answer.py", "/modules/lab.py", f"{STDLIB}/os.py", "/usr/bin/x", "/dev/x")
    answers = inside().ask(TELL + dedent(source), *paths, interpreter(), "/scratch/x", "/tmp/x", "/dev/shm/x")
    assert [path for path, answer in answers.items() if not answer] == ["/scratch/x", "/tmp/x", "/dev/shm/x"]
    assert {answers[path] for path in ("/x", "/usr/bin/x", "/dev/x")} == {"OSError30"}  # EROFS


def test_the_network_is_the_loopback_device_alone(inside):
    with socket.create_server(("127.0.0.1", 0)) as host, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0lcm-test-{os.getpid()}")
        abstract.listen()
        source = """
        import socket
        def connect(family, address):
            with socket.socket(family) as client:
                client.settimeout(20)
                return client.connect_ex(address)
        with socket.create_server(("localhost", 0)) as own:
            mine = connect(socket.AF_INET, own.getsockname())
        tell([socket.if_nameindex(), mine, connect(socket.AF_INET, ("127.0.0.1", int(sys.argv[1]))),
              connect(socket.AF_INET, ("192.0.2.1", 80)), connect(socket.AF_UNIX, "\\0" + sys.argv[2])])
        """
        answer = inside().ask(TELL + dedent(source), str(host.getsockname()[1]), f"lcm-test-{os.getpid()}")
    assert answer == [[[1, "lo"]], 0, 111, 101, 111]  # ECONNREFUSED, ENETUNREACH


def test_the_reference_packages_cannot_be_imported_but_the_standard_library_and_lab_can(inside):
    source = """
    import importlib
    def there(name):
        try:
            importlib.import_module(name)
            return True
        except ImportError:
            return False
    tell({name: there(name) for name in sys.argv[1:]})
    """
    ours = ("section01_processes", "section02_namespaces", "section07_security", "courseware", "minidocker", "pytest")
    theirs = ("lab", "ctypes", "json", "ssl", "sqlite3", "hashlib", "multiprocessing", "asyncio", "lzma", "tty")
    found = inside().ask(TELL + dedent(source), *ours, *theirs)
    assert [name for name, ok in found.items() if ok] == list(theirs)


def test_only_the_named_programs_are_there(inside):
    source = "tell(sorted({n for f in sys.argv[1].split(':') for n in os.listdir(f)}))"
    folders = "/usr/bin:/bin:/usr/sbin:/sbin"
    look = "import os.path\n" + TELL + source.replace("os.listdir(f)", "(os.listdir(f) if os.path.isdir(f) else [])")
    own = os.path.basename(interpreter())
    assert inside().ask(look, folders) == [own]
    box = inside(programs=("sh", "cat"))
    assert box.ask(look, folders) == sorted([own, "sh", "cat"])
    shell = (
        TELL
        + "import subprocess; tell(subprocess.run(['sh', '-c', 'echo a | cat; ls /'], capture_output=True).returncode)"
    )
    assert box.ask(shell) == 127, "sh and cat run; ls is not there"


def test_every_namespace_is_its_own_and_so_are_name_and_cgroup(inside):
    source = "tell([{n: os.readlink(f'/proc/self/ns/{n}') for n in os.listdir('/proc/self/ns')}, os.uname().nodename])"
    spaces, name = inside().ask(TELL + source)
    ours = {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in spaces}
    assert [kind for kind, text in spaces.items() if text == ours[kind]] == []
    assert name == "sandbox" != os.uname().nodename


def test_without_need_of_them_no_namespaces_and_never_what_docker_forbids(inside):
    source = """
    import lab
    def attempt(act):
        try:
            act()
        except OSError as error:
            return error.errno
    libc = lab.libc
    libc.syscall.argtypes = None
    def keyctl():
        lab._check(libc.syscall({"x86_64": 250, "aarch64": 219}[os.uname().machine], 0, 0), "keyctl")
    flags = lab.CLONE_NEWUSER | lab.CLONE_NEWNS
    tell([attempt(lambda: lab.unshare(flags)), attempt(lambda: lab.mount("a", "/tmp", "tmpfs")),
          attempt(lambda: lab.sethostname("x")), attempt(keyctl)])
    """
    assert inside().ask(TELL + dedent(source)) == [1, 1, 1, 1]
    assert inside(needs=("userns",)).ask(TELL + dedent(source)) == [None, None, 1, 1]


@pytest.mark.lane("host", full="guest")
def test_not_even_for_a_moment_does_a_process_show_the_tests_command_line(inside):
    box = inside()
    watcher = """
    seen = set()
    while not os.path.exists("stop"):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                seen.add(open(f"/proc/{pid}/cmdline", "rb").read().rstrip(b"\\0").split(b"\\0")[0].decode())
            except OSError:
                pass
    tell(sorted(seen))
    """
    process = box.start(TELL + dedent(watcher))
    for _ in range(20):
        box.ask("print(1)")
    (box.place.folder / "stop").touch()
    assert process.wait(60) == 0
    seen = set(json.loads(box.text(process))) - {""}  # one that was just ending
    assert seen == {"init", interpreter()}

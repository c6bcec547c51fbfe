"""What can be wrong with a jail: each is named, ends with the right exit code, and nothing is left behind."""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile

import pytest

from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import HostRoot, copy_up, mount, set_propagation, umount
from section04_filesystem.errors import FilesystemError
from section04_filesystem.executable import missing_library
from section04_filesystem.jails import Jails, state_folder
from section04_filesystem.users import choose_user

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


@pytest.fixture
def jailman(tmp_path):
    """Return a function that runs jailman with a state folder of its own."""
    main = "from section04_filesystem.cli import main; main()"

    def run(*arguments):
        command = [sys.executable, "-c", main, "--state", str(tmp_path / "jails"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def root(tmp_path):
    """Return a root with busybox as /bin/sh, to put broken programs in."""
    place = tmp_path / "root"
    (place / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), place / "bin/sh")
    return place


def write_program(path, content):
    path.write_bytes(content)
    path.chmod(0o755)


def foreign(data):
    """Return the program ``data`` made into one for another architecture."""
    other = 183 if os.uname().machine == "x86_64" else 62
    return data[:18] + other.to_bytes(2, sys.byteorder) + data[20:]


def test_why_a_program_of_a_jail_cannot_be_executed(tmp_path, root, jailman):
    busybox, dynamic = (open(shutil.which(name), "rb").read() for name in ("busybox", "env"))
    programs = {
        "script": b"#!/no/such/interpreter -x\n",
        "windows": b"#!/bin/sh\r\necho x\r\n",
        "dynamic": dynamic,
        "foreign": foreign(busybox),
        "foreign-dynamic": foreign(dynamic),
        "text": b"just words\n",
        "empty": b"",
        "damaged": dynamic[:100],
    }
    for name, content in programs.items():
        write_program(root / "bin" / name, content)
    (root / "bin/plain").write_text("not executable")
    assert jailman("create", "j", "--from", root).returncode == 0
    for name, code, said in (
        ("missing", 127, 'exec: "missing": executable file not found in $PATH'),
        ("/bin/missing", 127, "no such file or directory"),
        ("script", 127, "the script's interpreter '/no/such/interpreter' is not in the root"),
        ("windows", 127, "'/bin/sh\\r' is not in the root (its lines end with carriage returns"),
        ("dynamic", 127, "its ELF interpreter /lib"),
        ("foreign", 126, "it is a program for "),
        ("foreign-dynamic", 126, "it is a program for "),
        ("text", 126, "neither an ELF program nor a script that begins with #!"),
        ("empty", 126, "neither an ELF program nor a script that begins with #!"),
        ("damaged", 126, "damaged ELF file"),
        ("plain", 126, "permission denied"),
        ("/bin", 126, "is a directory"),
    ):
        done = jailman("enter", "j", "--", name)
        assert (done.returncode, said in done.stderr) == (code, True), (name, done)
        assert ("LCM-FS-03" in done.stderr) == (name in programs), (name, done.stderr)


@pytest.mark.remedy("LCM-FS-03")
def test_the_remedy_of_fs_03_is_the_interpreter_and_the_libraries(tmp_path, jailman):
    (tmp_path / "naive/bin").mkdir(parents=True)
    shutil.copy(shutil.which("bash"), tmp_path / "naive/bin/bash")
    assert jailman("create", "naive", "--from", tmp_path / "naive").returncode == 0
    done = jailman("enter", "naive", "--", "/bin/bash", "-c", "echo runs")
    assert done.returncode == 127
    assert "[see ./course explain LCM-FS-03]" in done.stderr
    headers = subprocess.run(["readelf", "-l", shutil.which("bash")], capture_output=True, text=True, check=True)
    interpreter = headers.stdout.partition("interpreter: ")[2].partition("]")[0]
    assert interpreter in done.stderr
    assert jailman("create", "whole", "--with", "bash").returncode == 0
    done = jailman("enter", "whole", "--", "/bin/bash", "-c", "echo runs")
    assert (done.returncode, done.stdout) == (0, "runs\n"), done.stderr
    assert jailman("enter", "whole", "--", "busybox", "true").returncode == 0  # or a static one


def test_a_missing_library_is_named_before_the_loader_does(tmp_path, jailman):
    place = tmp_path / "whole"
    HostRoot().build(str(place), ["bash"])
    (libc,) = place.rglob("libc.so.6")
    libc.unlink()
    assert jailman("create", "j", "--from", place).returncode == 0
    done = jailman("enter", "j", "--", "bash", "-c", "true")
    assert done.returncode == 127
    assert "needs library libc.so.6, which is not found [see ./course explain LCM-FS-03]" in done.stderr


def test_a_fifo_in_the_place_of_a_library_keeps_us_not_waiting(tmp_path, in_child):
    place = tmp_path / "whole"
    HostRoot().build(str(place), ["bash"])
    (libc,) = place.rglob("libc.so.6")
    libc.unlink()
    os.mkfifo(libc)

    def look():
        os.chroot(place)
        os.chdir("/")
        return missing_library("/bin/bash")

    assert "needs library libc.so.6" in in_child(look)


@pytest.mark.parametrize("name", ["new\nline", "two words", "", ".", "..", ".hidden", "-x", "a/b", "ö", "x" * 65])
def test_names_that_no_jail_can_have(tmp_path, name):
    for call in (Jails(str(tmp_path)).create, Jails(str(tmp_path)).remove):
        with pytest.raises(FilesystemError, match="is no name for a jail"):
            call(name, *(["host"] if call.__name__ == "create" else []))
    assert os.listdir(tmp_path) == []


def test_paths_with_newlines_and_blanks(tmp_path, jailman, root):
    odd = tmp_path / "a b\nc\\d"
    shutil.move(root, odd)
    shared = tmp_path / "s h\na"
    shared.mkdir()
    (shared / "file").write_text("seen")
    assert jailman("create", "j", "--from", odd).returncode == 0
    done = jailman("enter", "j", "--bind", f"{shared}:/m n\no:ro", "--", "sh", "-c",
                   "cat '/m n\no/file'; echo x 2>&1 > '/m n\no/file'; echo y > /tmp/y")  # fmt: skip
    assert done.stdout.startswith("seen"), done
    assert (shared / "file").read_text() == "seen"
    assert jailman("ls").stdout.count("\n") == 2


def test_read_only_and_users_and_binds(tmp_path, jailman):
    (tmp_path / "shared").mkdir()
    assert jailman("create", "j").returncode == 0
    done = jailman("enter", "j", "--read-only", "--bind", f"{tmp_path}/shared:/mnt", "--", "sh", "-c",
                   "echo x > /etc/x || echo x > /tmp/x && echo x > /mnt/x && echo done")  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "done\n"), done
    assert (tmp_path / "shared/x").read_text() == "x\n"
    for user, said in (("nobody", "65534 65534"), ("1000", "1000 0"), ("1000:tty", "1000 5"), ("0:7", "0 7")):
        for method in ("pivot_root", "chroot"):
            done = jailman("enter", "j", "--user", user, "--method", method, "--", "sh", "-c", "echo $(id -u; id -g)")
            assert done.stdout == f"{said}\n", (user, done)
    done = jailman("enter", "j", "--user", "nobody", "--", "sh", "-c", "echo x > /etc/x")
    assert done.returncode != 0


def test_users_are_those_of_the_rows():
    users = [["ann", "x", "7", "8", "", "/home/ann", "/bin/sh"], ["odd", "x", "9", "9", "", "relative", ""]]
    groups = [["staff", "x", "50", "ann,bob"], ["ann", "x", "8", ""]]
    ann = choose_user("ann", users, groups)
    assert (ann.uid, ann.gid, ann.groups, ann.home) == (7, 8, [50], "/home/ann")
    assert choose_user("odd", users, groups).home == "/"
    assert (choose_user("7", users, groups).gid, choose_user("70", users, groups).gid) == (8, 0)
    assert (choose_user("ann:50", users, groups).gid, choose_user("ann:staff", users, groups).groups) == (50, [])
    for text in ("", "nobody", "ann:nogroup", "ann:", ":8", "4294967295", "-1"):
        with pytest.raises(Exception, match=r"is no user|there is no (user|group)"):
            choose_user(text, users, groups)


@pytest.mark.parametrize("source", ["host", "folder", "archive"])
def test_a_full_disk_leaves_nothing(tmp_path, in_child, source):
    (tmp_path / "big").mkdir()
    (tmp_path / "big/file").write_bytes(os.urandom(3 << 20))
    with tarfile.open(tmp_path / "big.tar", "w") as tar:
        tar.add(tmp_path / "big", "big")
    origin = {"host": "host", "folder": str(tmp_path / "big"), "archive": str(tmp_path / "big.tar")}[source]
    state = tmp_path / "state"
    state.mkdir()

    def look():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        mount("tmpfs", str(state), "tmpfs", 0, "size=1m")
        try:
            Jails(str(state)).create("j", origin)
        except (FilesystemError, OSError) as error:
            said = str(error)
        left = os.listdir(state)
        umount(str(state))
        return said, left

    said, left = in_child(look)
    assert "No space left on device" in said
    assert left == []


def test_a_record_that_is_damaged_is_called_so_and_the_jail_can_go(tmp_path, jailman, root):
    jailman("create", "j", "--from", root)
    jailman("create", "whole", "--from", root)
    for text in ("{", "{}", "[]"):
        (tmp_path / "jails/j/jail.json").write_text(text)
        done = jailman("enter", "j")
        assert (done.returncode, "the record of jail j is damaged" in done.stderr) == (125, True), done
        done = jailman("ls")
        assert (done.returncode, "the record of jail j is damaged" in done.stderr) == (0, True), done
        assert [line.split()[0] for line in done.stdout.splitlines()] == ["NAME", "whole"]
    assert jailman("rm", "whole").returncode == 0
    assert jailman("rm", "j").returncode == 0
    assert os.listdir(tmp_path / "jails") == []


def test_a_copy_keeps_what_belongs_to_a_root_and_leaves_out_the_rest(tmp_path, root, in_child):
    os.chown(root / "bin/sh", 12, 34)
    os.chmod(root / "bin/sh", 0o4755)
    os.link(root / "bin/sh", root / "bin/same")
    (root / "out").symlink_to(tmp_path)
    os.mknod(root / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    with open(root / "sparse", "wb") as file:
        file.seek(40 << 20)
        file.write(b"end")
    (root / "mounted").mkdir()

    def look():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        mount("tmpfs", str(root / "mounted"), "tmpfs")
        (root / "mounted/file").write_text("x")
        return Jails(str(tmp_path / "jails")).create("j", str(root)).root

    made = in_child(look)
    shell, sparse = os.stat(f"{made}/bin/sh"), os.stat(f"{made}/sparse")
    assert (shell.st_uid, shell.st_gid, stat.S_IMODE(shell.st_mode), shell.st_nlink) == (12, 34, 0o4755, 2)
    assert shell.st_ino != os.stat(root / "bin/sh").st_ino
    assert (sparse.st_size, sparse.st_blocks < 100) == ((40 << 20) + 3, True)
    assert open(f"{made}/sparse", "rb").read().endswith(b"\0end")
    assert os.readlink(f"{made}/out") == str(tmp_path)
    assert sorted(os.listdir(made)) == ["bin", "mounted", "out", "sparse"]
    assert os.listdir(f"{made}/mounted") == []


def test_a_folder_that_holds_the_jails_is_not_copied_into_itself(tmp_path, jailman):
    done = jailman("create", "j", "--from", tmp_path)
    assert (done.returncode, "the jail itself would lie in it" in done.stderr) == (125, True)
    assert os.listdir(tmp_path / "jails") == []


def test_no_source_is_no_folder_at_all(tmp_path, jailman):
    """abspath("") is the working directory: it would be copied."""
    done = jailman("create", "j", "--from", "")
    assert (done.returncode, "cannot make a jail from ''" in done.stderr) == (125, True), done
    assert not (tmp_path / "jails/j").exists()


def test_a_file_that_cannot_be_copied_is_named(tmp_path, in_child):
    (tmp_path / "source/a/b").mkdir(parents=True)
    (tmp_path / "source/a/b/closed").write_text("x")
    os.chmod(tmp_path / "source/a/b/closed", 0)
    (tmp_path / "target").mkdir()
    os.chown(tmp_path / "target", 65534, 65534)

    def look():
        source, target = (os.open(tmp_path / name, os.O_RDONLY) for name in ("source", "target"))
        os.setresuid(65534, 65534, 65534)
        try:
            copy_up(source, f"/proc/self/fd/{target}")
        except PermissionError as error:
            return error.filename

    assert in_child(look) == "a/b/closed"


def test_a_program_outside_of_the_jails_path_is_told(monkeypatch, jailman):
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # a jail's /tmp is empty when it is entered
        write_program(pathlib.Path(folder, "odd"), b"#!/bin/sh\necho odd\n")
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        done = jailman("create", "j", "--with", "odd", "--with", "env")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert f"by its whole path, {folder}/odd:" in done.stderr
    assert jailman("enter", "j", "--", f"{folder}/odd").stdout == "odd\n"


def test_a_place_that_cannot_be_made_is_named_with_what_to_try(tmp_path, jailman):
    (tmp_path / "jails").write_text("in the way")
    done = jailman("create", "j")
    assert (done.returncode, done.stdout) == (125, "")
    assert f"no jail can be kept in {tmp_path}/jails: " in done.stderr
    assert "--state" in done.stderr


def test_a_jail_is_measured_while_its_files_come_and_go(tmp_path, root, monkeypatch):
    """The folder is read, then each entry is looked at: in between a process of the jail may remove both."""
    jails = Jails(str(tmp_path / "jails"))
    jail = jails.create("j", str(root))
    before = jail.size()
    real = os.scandir

    def scandir(path):
        if isinstance(path, str) and path.endswith("/bin"):  # rmtree comes by here, with a descriptor
            shutil.rmtree(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert 0 < jail.size() < before


def test_a_relative_place_needs_a_working_directory(tmp_path, in_child):
    (tmp_path / "gone").mkdir()

    def look():
        os.chdir(tmp_path / "gone")
        os.rmdir(tmp_path / "gone")
        try:
            state_folder("x")
        except FilesystemError as error:
            return str(error), state_folder("/x/../y")

    assert in_child(look) == ("'x' leads nowhere: the working directory is gone (cd elsewhere)", "/y")

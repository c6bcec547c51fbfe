"""A root from the host: everything that a program needs is found by reading. Files written by hand, and busybox."""

import os
import shutil
import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section04_filesystem import FilesystemError, HostRoot
from section04_filesystem.busybox import applet_names
from section04_filesystem.libraries import LibraryFinder

pytestmark = pytest.mark.lane("host")


@pytest.fixture
def compiled(tmp_path, program):
    """Return a function that compiles a program or library: name, source, options of gcc."""

    def build(name, source, *options):
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        command = [program("gcc"), "-x", "c", "-", "-x", "none", "-o", str(place), *options]
        subprocess.run(command, input=source, text=True, check=True, capture_output=True)
        return place

    return build


def library(compiled, name, soname, *options):
    return compiled(name, "int f(void) { return 1; }", "-shared", "-fPIC", f"-Wl,-soname,{soname}", *options)


def test_runpath_and_origin_lead_to_a_library_beside_the_program(compiled, tmp_path):
    library(compiled, "lib/libf.so.1", "libf.so.1")
    main = "int f(void); int main(void) { return f(); }"
    path = compiled("bin/main", main, f"{tmp_path}/lib/libf.so.1", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib")
    closure = LibraryFinder().closure(str(path))
    assert closure[f"{tmp_path}/lib/libf.so.1"] == [str(path)]
    assert any(os.path.basename(file).startswith("libc.so") for file in closure)


def test_an_rpath_is_inherited_and_what_is_loaded_is_taken_again(compiled, tmp_path):
    library(compiled, "deep/libdeep.so", "libdeep.so")
    middle = library(compiled, "mid/libmid.so", "libmid.so", "-Wl,--no-as-needed", f"{tmp_path}/deep/libdeep.so")
    rpath = f"-Wl,--disable-new-dtags,-rpath,{tmp_path}/mid:{tmp_path}/deep"
    path = compiled("main", "int main(void) { return 0; }", "-Wl,--no-as-needed", str(middle), rpath,
                    f"-Wl,-rpath-link,{tmp_path}/deep")  # fmt: skip
    closure = LibraryFinder().closure(str(path))
    assert closure[f"{tmp_path}/deep/libdeep.so"] == [str(middle)]
    assert closure[str(middle)] == [str(path)]


def test_a_library_for_newer_processors_only_is_found_when_there_is_no_plain_one(compiled, tmp_path):
    library(compiled, "lib/glibc-hwcaps/x86-64-v2/libhw.so", "libhw.so")
    where = f"{tmp_path}/lib/glibc-hwcaps/x86-64-v2/libhw.so"
    path = compiled("main", "int main(void) { return 0; }", "-Wl,--no-as-needed", where, f"-Wl,-rpath,{tmp_path}/lib")
    assert where in LibraryFinder().closure(str(path))
    library(compiled, "lib/libhw.so", "libhw.so")
    assert f"{tmp_path}/lib/libhw.so" in LibraryFinder().closure(str(path))


def test_a_missing_library_and_a_missing_loader_are_named(compiled, tmp_path):
    lost = library(compiled, "lib/liblost.so", "liblost.so")
    path = compiled("main", "int main(void) { return 0; }", "-Wl,--no-as-needed", str(lost), f"-Wl,-rpath,{tmp_path}")
    with pytest.raises(FilesystemError, match=r"main needs library liblost\.so") as caught:
        HostRoot().build(str(tmp_path / "one"), [str(path)])
    assert caught.value.explain == "LCM-FS-03"
    other = compiled("other", "int main(void) { return 0; }", "-Wl,--dynamic-linker=/lib/no-such-loader.so.1")
    with pytest.raises(FilesystemError, match=r"other needs the ELF interpreter /lib/no-such-loader\.so\.1") as caught:
        HostRoot().build(str(tmp_path / "two"), [str(other)])
    assert caught.value.explain == "LCM-FS-03"


def test_a_program_of_another_architecture_is_called_so(compiled, tmp_path):
    path = compiled("foreign", "int main(void) { return 0; }", "-Wl,--dynamic-linker=/lib/ld-linux-other.so.1")
    data = bytearray(path.read_bytes())
    foreign = 183 if os.uname().machine == "x86_64" else 62
    data[18:20] = foreign.to_bytes(2, sys.byteorder)
    path.write_bytes(data)
    with pytest.raises(FilesystemError, match=r"it is a program for (aarch64|x86_64), this machine is"):
        HostRoot().build(str(tmp_path / "root"), [str(path)])


@pytest.mark.needs("root")
def test_musl_finds_its_libraries_by_its_own_path_file(compiled, tmp_path, in_child):
    host = tmp_path / "host"
    loader = "/lib/ld-musl-x86_64.so.1"
    own = library(compiled, "host/opt/musl/libf.so", "libf.so")
    compiled("host/main", "int main(void) { return 0; }", "-Wl,--no-as-needed", str(own),
             f"-Wl,--dynamic-linker={loader}", "-nostdlib", "-nostartfiles", "-Wl,-e,main")  # fmt: skip
    (host / "lib").mkdir()
    shutil.copy(own, host / "lib/ld-musl-x86_64.so.1")
    shutil.copy(own, host / "lib/libf.so")
    (host / "etc").mkdir()
    (host / "etc/ld-musl-x86_64.path").write_text("/opt/musl\n/lib\n")

    def look():
        os.chroot(host)
        os.chdir("/")
        finder = LibraryFinder()
        return finder.closure("/main"), sorted(finder.settings)

    closure, settings = in_child(look)
    assert {"/opt/musl/libf.so", loader} <= closure.keys()
    assert "/lib/libf.so" not in closure
    assert settings == ["/etc/ld-musl-x86_64.path"]


def test_a_script_brings_its_interpreters_also_when_that_is_a_script(tmp_path):
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.write_text("#!/usr/bin/env -S cat\n")
    outer.write_text(f"#!{inner} -x\n")
    for path in (inner, outer):
        path.chmod(0o755)
    root = HostRoot().build(str(tmp_path / "root"), [str(outer)])
    cat, env = (os.path.realpath(os.path.dirname(shutil.which(name))) + f"/{name}" for name in ("cat", "env"))
    assert {str(inner), str(outer), cat, env} <= set(root.files)
    assert root.needed_by[str(inner)] == [str(outer)]
    assert root.needed_by[cat] == [str(inner)]


def test_scripts_without_an_end_and_without_an_interpreter_are_errors(tmp_path):
    loop, lost = tmp_path / "loop", tmp_path / "lost"
    loop.write_text(f"#!{loop}\n")
    lost.write_text("#!/no/such interpreter\n")
    for path in (loop, lost):
        path.chmod(0o755)
    with pytest.raises(FilesystemError, match="too many scripts run by scripts"):
        HostRoot().build(str(tmp_path / "one"), [str(loop)])
    with pytest.raises(FilesystemError, match="lost needs the interpreter /no/such, which is not on this host"):
        HostRoot().build(str(tmp_path / "two"), [str(lost)])


def test_the_applets_are_those_that_busybox_itself_lists(program):
    path = program("busybox")
    listed = subprocess.run([path, "--list"], capture_output=True, text=True, check=True).stdout.split()
    with open(path, "rb") as file:
        assert applet_names(file.read()) == sorted(listed)


@given(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), max_size=40), st.binary(max_size=200))
def test_a_table_of_names_is_found_among_anything(names, noise):
    table = sorted({"ash", "cat", "ls", "sh", *names})
    data = noise + b"\0" + b"\0".join(name.encode() for name in table) + b"\0\0"
    assert set(table) <= set(applet_names(data))


def test_what_is_no_busybox_has_no_applets():
    assert applet_names(b"alpha\0beta\0gamma\0delta\0epsilon\0") == []


@pytest.mark.needs("kernel")
def test_nothing_is_executed(tmp_path, program):
    trace = tmp_path / "trace"
    build = "import sys; from section04_filesystem import HostRoot; HostRoot().build(*sys.argv[1:2], ['bash', 'ldd'])"
    command = [program("strace"), "-f", "-qq", "-e", "trace=execve,execveat", "-o", str(trace)]
    subprocess.run([*command, sys.executable, "-c", build, str(tmp_path / "root")], check=True)
    assert len(trace.read_text().splitlines()) == 1
    assert stat.S_ISLNK(os.lstat(tmp_path / "root/usr/bin/vi").st_mode)

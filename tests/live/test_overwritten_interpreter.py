"""CVE-2019-5736, attempted as it was found: an image makes whoever joins it execute itself inside, and writes to that.

The interpreter is a copy that no other process runs: the one thing that may refuse the write is then its mount. A
control with the defence off shows that the attack would work. The attack itself is in ``conftest.py``.
"""

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import uuid

import pytest

from section08_oci import default_spec

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "program:busybox"), pytest.mark.timeout(120)]

BIN = pathlib.Path(sys.executable).parent


@pytest.fixture
def minidocker_runs(minidocker, hostile, python):
    """Return a function that runs MiniDocker on the copied interpreter, with the hostile image in the store."""
    archive = hostile / "rootfs.tar"
    if not archive.exists():
        subprocess.run(["tar", "-C", hostile / "rootfs", "--exclude=./patient", "-cf", archive, "."], check=True)
        minidocker("import", archive, "hostile")

    def run(*arguments):
        command = python.command("minidocker", "--root", minidocker.root, *arguments)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    return run


def test_an_image_that_minidocker_runs_cannot_write_to_its_interpreter(minidocker_runs, python):
    """The shim lives as long as the container, so "busy" would be the answer of an unprotected file."""
    done = minidocker_runs("run", "--rm", "--network", "none", "hostile", "/entry")
    assert done.stdout.splitlines()[-1].endswith("can't create /proc/self/fd/3: Read-only file system"), done
    assert python.digest() == python.before


def test_a_program_that_minidocker_executes_cannot_either(minidocker_runs, python):
    minidocker_runs("run", "-d", "--name", "victim", "--network", "none", "hostile", "/bin/sleep", "60")
    try:
        done = minidocker_runs("exec", "victim", "/bin/sh")
    finally:
        minidocker_runs("rm", "-f", "victim")
    assert done.stdout.splitlines()[-1].endswith("can't create /proc/self/fd/3: Read-only file system"), done
    assert python.digest() == python.before


@contextlib.contextmanager
def oci_container(hostile, folder, python, *, defence):
    """Create a container of the hostile root with ``ociman`` on the copied interpreter; yield a function for more."""
    name = f"overwrite-{uuid.uuid4().hex[:12]}"
    spec = default_spec()
    spec["root"]["path"] = str(hostile / "rootfs")
    spec["process"]["args"] = ["/entry"]
    (folder / "config.json").write_text(json.dumps(spec))
    output = folder / "output"

    def ociman(*arguments):
        command = python.command("ociman", "--root", folder / "state", *arguments, defence=defence)
        with output.open("a") as out:
            assert subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60).returncode == 0
        return output

    ociman("create", "-b", folder, name)
    try:
        yield lambda *arguments: ociman(*(name if word == "ID" else word for word in arguments))
    finally:
        subprocess.run([BIN / "ociman", "--root", folder / "state", "delete", "--force", name], check=True)


def attack_by_ociman(hostile, folder, python, until, *, defence):
    """Run the attack when the runtime has gone; return what it wrote."""
    with oci_container(hostile, folder, python, defence=defence) as ociman:
        ociman("start", "ID")
        until(lambda: "append:" in (folder / "output").read_text())
        return (folder / "output").read_text()


def test_once_ociman_has_gone_the_write_is_still_refused(hostile, tmp_path, python, until):
    text = attack_by_ociman(hostile, tmp_path, python, until, defence=True)
    assert re.search("^append: .*can't create /proc/self/fd/3: Read-only file system$", text, re.MULTILINE)
    assert python.digest() == python.before


def test_with_the_defence_off_the_same_attack_overwrites_the_host_s_file(hostile, tmp_path, python, until):
    text = attack_by_ociman(hostile, tmp_path, python, until, defence=False)
    assert "append: written" in text
    assert python.digest() != python.before

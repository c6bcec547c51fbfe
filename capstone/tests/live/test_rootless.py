"""As an ordinary user, without any privilege: the same commands, a user namespace instead of root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "userns")]
USER = 1234  # nobody: not even in /etc/passwd


@pytest.fixture
def user(tiny_root):
    """A runner that gives up root; its state is where XDG_DATA_HOME says."""
    home = tempfile.mkdtemp(prefix="minidocker-user-")
    shutil.copytree(tiny_root / "images", home + "/minidocker/images", symlinks=True)
    for path, folders, files in os.walk(home):
        for name in (".", *folders, *files):
            os.chown(f"{path}/{name}", USER, USER, follow_symlinks=False)

    def run(*words):
        command = [
            "setpriv",
            f"--reuid={USER}",
            f"--regid={USER}",
            "--clear-groups",
            sys.executable,
            "-m",
            "minidocker",
        ]
        surroundings = {"PATH": os.environ["PATH"], "HOME": home, "XDG_DATA_HOME": home}
        return subprocess.run([*command, *words], capture_output=True, text=True, timeout=60, env=surroundings, cwd="/")

    yield run
    run("rm", "-f", *run("ps", "-aq").stdout.split())
    shutil.rmtree(home)


def test_a_container_of_an_ordinary_user(user):
    done = user(
        "run", "--rm", "--network", "none", "tiny", "sh", "-c", "id -u; cat /proc/self/uid_map; touch /x && echo $$"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["0", "0", str(USER), "1", "1"]


def test_its_life(user):
    assert user("run", "-d", "--name", "box", "tiny", "sleep", "99").returncode == 0  # the default is no network
    assert user("exec", "box", "ls", "/sys/class/net").stdout == "lo\n"
    assert user("stop", "-t", "0", "box").stdout == "box\n"
    assert user("inspect", "-f", "{{.State.ExitCode}}", "box").stdout == "137\n"
    assert user("rm", "box").returncode == 0


def test_a_bridge_is_refused_with_the_way_out(user):
    done = user("run", "--rm", "--network", "bridge", "tiny", "true")
    assert done.returncode == 125
    assert "--network none" in done.stderr

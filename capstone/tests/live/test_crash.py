"""Whoever is killed, the next command puts everything in order; and dry runs touch nothing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def shim_of(minidocker, name):
    """Return the pid of the shim: the parent of the container's process 1."""
    pid = minidocker("inspect", "-f", "{{.State.Pid}}", name)
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1]), int(pid)


def cgroups(identity):
    return [
        f"{path}/{identity}" for path, folders, _ in os.walk("/sys/fs/cgroup") for name in folders if name == identity
    ]


@pytest.mark.parametrize("remove", [False, True])
def test_a_killed_shim_is_healed_by_the_next_command(minidocker, remove):
    flags = ["--rm"] if remove else []
    identity = minidocker("run", "-d", "--name", "box", *flags, "-p", "80", "tiny", "sleep", "99")
    shim, init = shim_of(minidocker, "box")
    assert cgroups(identity)
    os.kill(shim, signal.SIGKILL)
    minidocker.until(lambda: not os.path.exists(f"/proc/{init}"))
    listed = minidocker("ps", "-a", "--format", "{{.Names}} {{.State}}")
    assert listed == ("" if remove else "box exited")
    assert cgroups(identity) == []
    assert not any(name.startswith("mdk" + identity[:11]) for name in os.listdir("/sys/class/net"))
    if not remove:
        assert minidocker("inspect", "-f", "{{.State.ExitCode}} {{.State.Error}}", "box").startswith(
            "137 its shim was killed"
        )
        minidocker("start", "box")
        assert minidocker("exec", "box", "echo", "again") == "again"


def plan_sizes(minidocker, *words):
    """Return how many steps each process takes, from the dry run."""
    heads = re.findall(r"^-- (\w+): (\d+) steps", minidocker("run", "--dry-run", *words), re.MULTILINE)
    return {name: int(number) for name, number in heads}


def test_the_command_killed_at_each_of_its_boundaries(minidocker):
    words = ("--network", "none", "-v", "/anon", "tiny", "true")
    steps = plan_sizes(minidocker, *words)["cli"]
    for number in range(steps):
        done = minidocker.run("run", "--rm", *words, env={"LCM_CRASH": f"cli:{number}"})
        assert done.returncode == -signal.SIGKILL, (number, done)
        minidocker.until(lambda: minidocker("ps", "-aq") == "")
        for folder in ("containers", "creating"):
            assert os.listdir(f"{minidocker.root}/{folder}") == [], number


@pytest.mark.parametrize("process", ["shim", "child", "init"])
def test_others_killed_at_some_boundaries(minidocker, process):
    words = ("--network", "none", "tiny", "true")
    steps = plan_sizes(minidocker, *words)[process]
    for number in {0, steps // 3, 2 * steps // 3, steps - 1}:
        done = minidocker.run("run", "--rm", *words, env={"LCM_CRASH": f"{process}:{number}"})
        assert "Traceback" not in done.stderr
        minidocker.until(lambda: minidocker("ps", "-aq") == "")
        assert os.listdir(f"{minidocker.root}/containers") == [], (process, number)


def test_a_dry_run_touches_nothing(minidocker, tmp_path):
    assert shutil.which("strace")
    trace = tmp_path / "trace"
    before = {path: os.stat(path).st_mtime_ns for path, _, _ in os.walk(minidocker.root)}
    calls = (
        "mkdir,mkdirat,unlink,unlinkat,rename,renameat,renameat2,rmdir,link,linkat,symlink,symlinkat,mount,umount2,"
        "unshare,setns,chmod,fchmod,fchmodat,chown,fchown,fchownat,mknod,mknodat,kill,truncate,ftruncate,move_mount,"
        "bind,connect"
    )
    command = minidocker.command("run", "--dry-run", "-v", "data:/x", "-p", "8080:80", "--name", "x1", "tiny", "true")
    done = subprocess.run(
        ["strace", "-f", "-qq", "-e", f"trace=openat,open,creat,{calls}", "-o", trace, *command],
        capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    changing = [
        line
        for line in trace.read_text().splitlines()
        if not re.search(r"open(at)?\(", line) or re.search(r"O_(CREAT|WRONLY|RDWR|TRUNC)", line)
    ]
    assert [line for line in changing if "/dev/null" not in line and "+++" not in line] == []
    assert before == {path: os.stat(path).st_mtime_ns for path, _, _ in os.walk(minidocker.root)}
    for process in ("cli", "shim", "child", "init", "release"):
        assert f"-- {process}: " in done.stdout
    assert "<address from " in done.stdout


def test_explain_names_every_step_with_section_and_man_page(minidocker, tmp_path):
    done = minidocker.run("run", "--rm", "--explain", "tiny", "echo", "hi")
    assert done.stdout == "hi\n"
    told = [line for line in done.stderr.splitlines() if re.match(r"(cli|shim|child|init|release) ", line)]
    heads = plan_sizes(minidocker, "--rm", "tiny", "echo", "hi")
    seen = {name: [int(line.split()[1]) for line in told if line.split()[0] == name] for name in heads}
    for name, number in heads.items():
        assert sorted(set(seen[name])) == list(range(number)), name
    assert all(" ms " in line and "?" not in line.split("ms")[1][:3] for line in told)

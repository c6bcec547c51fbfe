"""Other people's programs judge ours: podman runs its containers with ociman; runc agrees about what is inside."""

import os
import subprocess
import sys
import time

import pytest

from section01_processes import format_json
from section03_cgroups import Hierarchy

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("program:podman", "program:runc")]

FACTS = (
    "grep -E '^(Cap|Seccomp|NoNew|Sig[BIC]|Groups|Uid|Gid|Umask)' /proc/self/status; cat /proc/self/limits; id; env; "
)
FACTS += "cat /proc/self/oom_score_adj; cat /proc/self/mountinfo | cut -d' ' -f5,6 | grep -v /sys/fs/cgroup"


@pytest.fixture
def runtime(box):
    """Yield the path of a program that is ociman."""
    path = f"{box.folder}/ociman"
    with open(path, "w") as file:
        file.write(f"#!/bin/sh\nexec {sys.executable} -c 'from section08_oci.cli import main; main()' \"$@\"\n")
    os.chmod(path, 0o755)
    return path


def test_podman_runs_its_containers_with_it(box, runtime):
    os.symlink("busybox", f"{box.rootfs}/bin/stat")
    podman = ["podman", "--root", f"{box.folder}/p", "--runroot", f"{box.folder}/pr", "--cgroup-manager", "cgroupfs"]
    podman += ["--storage-driver", "vfs", "--runtime", runtime]

    def run(*words, **rest):
        return subprocess.run([*podman, *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    options = ("--cgroup-parent", f"/{box.id}", "--network", "none", "--rootfs", f"{box.rootfs}:O")
    try:
        done = run("run", "--rm", *options, "sh", "-c", "echo $$; exit 4")
        assert (done.returncode, done.stdout) == (4, "1\n"), done.stderr
        assert run("run", "--rm", *options, "nonesuch").returncode == 127
        assert run("run", "-d", "--name", "one", *options, "sleep", "100").returncode == 0
        done = run("exec", "-t", "one", "sh", "-c", "tty; exit 6")
        assert done.returncode == 6, done.stderr
        assert "/dev/pts/0" in done.stdout
    finally:
        run("rm", "-f", "-t", "0", "one")
        for top in Hierarchy.detect().mounts():
            for folder, _, _ in os.walk(f"{top}/{box.id}", topdown=False):
                remove(folder)
        for mount in (f"{box.folder}/p/vfs", f"{box.folder}/p"):
            subprocess.run(["umount", "-q", "-l", mount], check=False)


def test_runc_agrees_about_what_a_program_finds(box, runtime):
    os.symlink("busybox", f"{box.rootfs}/bin/cut")
    box.process["args"] = ["sh", "-c", FACTS]
    box.process["env"].append("HOME=/")  # runc sets it from the image's passwd; we leave it to the caller
    box.process["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}
    box.spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"]}
    box.spec["linux"]["cgroupsPath"] = box.cgroup
    # Some builds of runc raise the soft limit for themselves and hand that on; what is asked for, both give.
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 512, "hard": 1000}]
    with open(f"{box.folder}/config.json", "w") as file:
        file.write(format_json(box.spec))
    seen = []
    for program in ("runc", runtime):
        command = [program, "--root", f"{box.folder}/root", "run", "-b", box.folder, box.id]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        seen.append([line for line in done.stdout.splitlines() if not masked(line)])
    assert seen[0] == seen[1]


def remove(folder, seconds=30):
    """Remove a cgroup; podman's monitor is still on its way out."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return os.rmdir(folder)
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def masked(line):
    """Masks are made of another thing: runc binds the container's /dev/null, section 4 the host's."""
    return line.startswith(("/proc/", "/sys/firmware", "/sys/devices"))

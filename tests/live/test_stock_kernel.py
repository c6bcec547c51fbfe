"""What the lanes' machines lack, on a stock Debian kernel: QEMU boots one (no KVM needed), and throws it away."""

import os
import pathlib
import subprocess
import sys

import pytest

CLONE = pathlib.Path(__file__).parents[2]
TOOLS = CLONE.parent / "shared" / "guest"
LOOK = "id -u; hostname; cut -d. -f1 /proc/uptime; echo /proc/[0-9]*"
LINKS = "for k in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$k; done"


@pytest.fixture(scope="module")
def stock_kernel():
    """Return a function: run a command as root in a guest with Debian's own kernel; return what it printed."""
    environment = {**os.environ, "VM_DIR": os.environ.get("VM_DIR", str(CLONE / ".course" / "guest"))}
    subprocess.run([TOOLS / "setup-vm"], env=environment, check=True, capture_output=True)

    def run(*command):
        done = subprocess.run(
            [TOOLS / "run-in-vm", *command], env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.full
@pytest.mark.lane("host")
@pytest.mark.needs("root", "program:qemu-system-x86_64")
def test_all_eight_kinds_of_namespace(stock_kernel):
    """Time namespaces among them, which the guest lane's kernel has not: section 2's `nsman run --all`."""
    nsman = f"{sys.executable} -c 'from section02_namespaces.cli import main; main()'"
    box = "run --all --user --map-root --hostname box --mount-proc --boottime 86400"
    shown = stock_kernel("sh", "-c", f"{LINKS}; echo; {nsman} {box} -- sh -c '{LOOK}; {LINKS}'")
    outside, inside = (part.split() for part in shown.split("\n\n"))
    uid, name, uptime, process, *links = inside
    assert (uid, name, process) == ("0", "box", "/proc/1")
    assert 86400 < int(uptime) < 2 * 86400
    kinds = {link.partition(":")[0] for link in links}
    assert kinds == {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}
    assert not set(links) & set(outside)

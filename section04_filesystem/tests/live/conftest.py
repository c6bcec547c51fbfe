"""Fixtures of section 4's live tests: a container's root, built in a child with namespaces of its own."""

import os

import pytest

from section01_processes import Plan
from section02_namespaces import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    IdMap,
    unshare,
    write_id_maps,
)
from section03_cgroups import Hierarchy
from section04_filesystem import CgroupLayout, MountTable, open_proc, plan_rootfs, set_propagation

ME = ([IdMap(0, os.geteuid(), 1)], [IdMap(0, os.getegid(), 1)])  # before unshare: after it we are nobody
NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP
SAFE = ["nosuid", "noexec", "nodev"]
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": SAFE},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": [*SAFE, "mode=1777", "size=1m"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": SAFE},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*SAFE, "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": [*SAFE, "relatime", "ro"]},
]  # fmt: skip


@pytest.fixture
def root(tmp_path):
    place = tmp_path / "root"
    (place / "etc").mkdir(parents=True)
    os.chmod(tmp_path, 0o755)
    return place


@pytest.fixture
def inside(in_child, root):
    """Return a function: run the plan in an init of its own, then ``look``, and return what that returns."""
    table = MountTable.of()

    def build(look, mounts=(), *, user=False, prepare=None, **options):
        layout = CgroupLayout.of(Hierarchy.detect())

        def init():
            if prepare:
                set_propagation("/", "rprivate")
                prepare()
            Plan("init", plan_rootfs(str(root), mounts, userns=user, cgroup_layout=layout, **options)).run({})
            return look()

        def child():
            unshare(NAMESPACES | (CLONE_NEWUSER if user else 0))
            if user:
                write_id_maps(0, *ME)
            return in_child(init)

        return in_child(child)

    yield build
    assert len(MountTable.of()) == len(table)  # nothing travelled out


@pytest.fixture
def usual_mounts():
    """Return the mounts of a container as a config.json has them; the first one is /proc."""
    return MOUNTS


def seen_mounts():
    """Return target → [type, flags, data, propagation] of what is mounted."""
    proc = os.open("/proc", os.O_PATH) if os.path.exists("/proc/self") else open_proc()
    with open(os.open(f"{os.getpid()}/mountinfo", os.O_RDONLY, dir_fd=proc)) as file:
        table = MountTable.parse(file.read())
    return {m.target: [m.fstype, sorted(m.flags), m.data, m.propagation] for m in table}


@pytest.fixture
def seen():
    """Return the function that says what is mounted: target → [type, flags, data, propagation]."""
    return seen_mounts


def refusal(call):
    """Return the errno that ``call`` fails with, or 0."""
    try:
        call()
    except OSError as error:
        return error.errno
    return 0


@pytest.fixture
def refused():
    """Return the function that calls another one and says the errno that it fails with, or 0."""
    return refusal

"""A container made of busybox, in a folder that everybody may enter (a user namespace's root is nobody outside)."""

import os
import select
import shutil
import tempfile

import pytest

from section03_cgroups import Hierarchy
from section08_oci import Bundle, Options, create, default_spec, delete, start
from section08_oci.core.protocol import INIT, Channel

PROGRAMS = ("sh", "ls", "cat", "sleep", "id", "echo", "hostname", "true", "kill", "tty", "stty", "test", "touch")
PROGRAMS += ("grep", "wc", "mkdir", "env", "pwd", "ps")


class Box:
    """One container at a time: its bundle, its state folder, its output."""

    def __init__(self, folder):
        self.folder = folder
        self.id = os.path.basename(folder)
        self.state_dir = f"{folder}/state"
        self.output_path = f"{folder}/output"
        self.spec = default_spec()
        self.rootfs = f"{folder}/rootfs"
        os.makedirs(f"{self.rootfs}/bin")
        os.mkdir(self.state_dir, 0o700)
        shutil.copy("/bin/busybox", f"{self.rootfs}/bin/busybox")
        for name in PROGRAMS:
            os.symlink("busybox", f"{self.rootfs}/bin/{name}")
        self.created = []

    @property
    def process(self):
        return self.spec["process"]

    @property
    def cgroup(self):
        return f"/ociman/{self.id}"

    def options(self, **rest):
        out = os.open(self.output_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        null = os.open("/dev/null", os.O_RDONLY)
        self.fds = [out, null]
        return Options(self.id, self.state_dir, **{"stdio": (null, out, out), **rest})

    def create(self, *args, **rest):
        if args:
            self.process["args"] = list(args)
        options = self.options(**rest)
        try:
            made = create(Bundle(self.folder, self.spec), options)
        finally:
            for fd in self.fds:
                os.close(fd)
        os.close(made.netns)
        self.created.append(made)
        return made

    def up(self, *args, **rest):
        """Create and start."""
        made = self.create(*args, **rest)
        start(self.state_dir)
        return made

    def run(self, *args, **rest):
        """Create, start, wait; return exit code and output."""
        code = self.up(*args, **rest).child.wait()
        return code, self.output()

    def output(self):
        with open(self.output_path) as file:
            return file.read()

    def cgroup_folders(self):
        return [m + self.cgroup for m in Hierarchy.detect().mounts() if os.path.exists(m + self.cgroup)]

    def clean(self):
        """End all; what was exec'd is our child and is reaped first: until then a pid namespace's init cannot end."""
        for made in reversed(self.created):
            if made.child.pidfd >= 0:
                made.child.signal(9)
                made.child.wait()
                made.child.close()
        delete(self.state_dir, force=True)


def open_descriptors():
    return sorted(os.listdir("/proc/self/fd"))


@pytest.fixture
def box():
    """Yield a Box; afterwards nothing of it may be left: processes, cgroups, mounts, descriptors."""
    folder = tempfile.mkdtemp(prefix="ociman-test-")
    os.chmod(folder, 0o755)
    descriptors, mounts = open_descriptors(), open("/proc/self/mountinfo").read()
    it = Box(folder)
    try:
        yield it
        it.clean()
        assert it.cgroup_folders() == []
        assert not os.path.exists(it.state_dir)
        assert open("/proc/self/mountinfo").read() == mounts
        assert open_descriptors() == descriptors
    finally:
        it.clean()
        shutil.rmtree(folder)


@pytest.fixture
def slow_child(monkeypatch):
    """Hold the child back between the fork of the init and the message that tells its pid, until the init has spoken.

    The scheduler may do that. Return a function that says what the child does then, before it goes on.
    """
    send, then = Channel.send, []
    spoken, speak = os.pipe()

    def slow_send(self, message, payload=b"", fds=()):
        if message == INIT:
            assert select.select([spoken], [], [], 30)[0], "the init says nothing"
            for action in then:
                action()
        send(self, message, payload, fds)
        os.write(speak, message)

    monkeypatch.setattr(Channel, "send", slow_send)
    yield then.append
    os.close(spoken)
    os.close(speak)

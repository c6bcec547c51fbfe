"""A hand-made container folder for the shim's tests: no engine, no store; a busybox root as the one layer."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import subprocess
import time

import pytest

from minidocker import shimclient
from minidocker.shim import protocol as p
from minidocker.shim.release import release
from section01_processes import format_json, parse_json
from section03_cgroups import Cgroup, Hierarchy
from section08_oci import default_spec


class Box:
    """One container folder and what tests want to do with it."""

    def __init__(self, state, layer, args, *, tty=False, cwd="/", env=(), mounts=(), **config):
        self.id = secrets.token_hex(32)
        self.folder = f"{state}/containers/{self.id}"
        os.makedirs(self.folder, 0o700)
        spec = default_spec()
        spec["process"].update(args=args, terminal=tty, cwd=cwd)
        spec["process"]["env"] += env
        spec["mounts"] += mounts
        if config.get("etc_files"):
            spec["mounts"] += [
                {"destination": f"/etc/{n}", "type": "bind", "source": f"{self.folder}/{n}", "options": ["rbind"]}
                for n in ("hosts", "hostname", "resolv.conf")
            ]
        self.config = {
            "id": self.id, "root": str(state), "lower": [str(layer)], "user": "", "group_add": [], "volumes": [],
            "network": {"mode": "none"}, "etc_files": False, "hostname": "box", "tty": tty, "open_stdin": False,
            "stdin_once": False, "log": {"driver": "json-file"}, "restart": "no", "auto_remove": False,
            "anonymous_volumes": [], "init": False, "cgroup": f"/minidocker/{self.id}",
            "shim_cgroup": f"/minidocker/{self.id}.shim", "uid_maps": [], "gid_maps": [], "seccomp_cache": "",
            **config,
        }  # fmt: skip
        self.write(p.CONFIG, format_json(spec))
        self.write(p.SHIM, format_json(self.config))

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(f"{self.folder}/{name}", "rb") as file:
            return file.read()

    def lock(self, *, wait=False):
        fd = os.open(f"{self.folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        return fd

    def start(self, flags=7, *, size=(0, 0), **options):
        """Start the shim, attached with ``flags`` (None: detached); return the connection, STARTED not yet read."""
        first = bytes((p.START,)) if flags is None else shimclient.attach_frame(flags, *size)
        fd = self.lock()
        try:
            return shimclient.start_shim(self.folder, fd, first=first, **options)
        finally:
            os.close(fd)

    def attach(self, flags=7):
        connection = shimclient.connect(self.folder)
        connection.send(p.ATTACH, p.ATTACH_PAYLOAD.pack(flags, 0, 0))
        return connection

    def run(self, **options):
        """Start attached, read everything; return (status, stdout, stderr); everything is released then."""
        with self.start(**options) as connection:
            shimclient.wait_started(connection)
            return read_all(connection)

    @property
    def status(self):
        return parse_json(self.read(p.STATUS))

    @property
    def shim_pid(self):
        return int(self.status["shim"].split(":")[1])

    def records(self):
        return [parse_json(line) for line in self.read(p.LOG).splitlines()]

    def logged(self, stream="stdout"):
        return "".join(r["log"] for r in self.records() if r["stream"] == stream)

    def left(self):
        """Return what still exists of it outside its folder."""
        hierarchy = Hierarchy.detect()
        groups = [g for g in (self.config["cgroup"], self.config["shim_cgroup"]) if Cgroup(hierarchy, g).exists()]
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            mounts = [line for line in file if self.id in line]
        return groups + mounts + [n for n in (p.SOCK, "oci") if os.path.exists(f"{self.folder}/{n}")]

    def destroy(self):
        """Whatever the test left: end the shim by its identity, release, remove."""
        if not os.path.isdir(self.folder):
            return
        try:
            os.close(self.lock())
        except BlockingIOError:
            try:
                shimclient.signal_container(self.folder, 9, stop=True)
            except Exception:
                pass
        fd = self.lock(wait=True)
        release(self.folder, self.id, remove=True)
        os.close(fd)


def read_all(connection):
    """Read frames to EXIT, then to the end; return (status, stdout, stderr)."""
    out = {p.OUT: [], p.ERR: []}
    status = None
    while True:
        kind, payload, _ = connection.receive()
        if kind in out:
            out[kind].append(payload)
        elif kind == p.EXIT:
            status = payload[0]
        elif kind == 0:
            return status, b"".join(out[p.OUT]), b"".join(out[p.ERR])


@pytest.fixture(scope="session")
def layer(tmp_path_factory):
    """A layer with busybox, passwd and group."""
    root = tmp_path_factory.mktemp("layer") / "diff"
    for folder in ("bin", "etc", "tmp", "data"):
        (root / folder).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "bin/busybox")
    listed = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in listed:
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nalice:x:1000:1001::/home/alice:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nwheel:x:10:root,alice\nalice:x:1001:\n")
    (root / "data/seed").write_text("from the image")
    root.chmod(0o755)
    return root


@pytest.fixture
def box(tmp_path, layer):
    """Make boxes: ``box(["sh", "-c", …], restart="always")``; at the end nothing of them may be left outside."""
    boxes = []

    def make(args, **config):
        boxes.append(Box(tmp_path, layer, args, **config))
        return boxes[-1]

    yield make
    for one in boxes:
        one.destroy()
        assert not one.left()


@pytest.fixture
def until():
    """Wait (at most a minute) until a condition holds."""

    def wait(condition, seconds=60.0):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)

    return wait


@pytest.fixture
def settled():
    """Return a function that returns when the shim has taken what clients sent to it before: it serves in order."""

    def ask(one):
        with shimclient.connect(one.folder) as connection:
            connection.send(99, b"")
            with pytest.raises(shimclient.ShimError):
                connection.expect(p.OK)

    return ask


@pytest.fixture
def drain():
    """Read frames to the end: (status, stdout, stderr)."""
    return read_all

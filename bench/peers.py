"""The engines that are measured: a private dockerd, podman, and our own, each with the same busybox root.

What belongs here: how to start, call and stop a peer. Everything a peer writes is under one temporary folder.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import tarfile
import time

CLONE = pathlib.Path(__file__).parents[1]


def busybox_tar(folder: pathlib.Path) -> pathlib.Path:
    """Make the root file system all peers import: a static busybox with its applets as links."""
    root = folder / "root"
    for name in ("bin", "proc", "sys", "dev", "tmp", "etc"):
        (root / name).mkdir(parents=True)
    busybox = shutil.which("busybox")
    shutil.copy(busybox, root / "bin" / "busybox")
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\n")
    path = folder / "root.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(root, arcname=".")
    return path


class Peer:
    """An engine with docker's command line."""

    name = ""
    #: what `run` needs on this machine beyond docker's own words
    run_options: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        raise NotImplementedError

    def version(self) -> str:
        raise NotImplementedError

    def call(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        if check and done.returncode:
            raise RuntimeError(f"{self.name} {' '.join(arguments)}: {done.stderr.strip()[-500:]}")
        return done

    def start(self, tar: pathlib.Path) -> None:
        self.call("import", str(tar), "bench:latest")

    def stop(self) -> None:
        pass


class Docker(Peer):
    """A private dockerd: data root, exec root and socket of its own."""

    name = "docker"

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.socket = f"unix://{folder}/docker.sock"

    def command(self, *arguments):
        return ["/usr/bin/docker" if os.path.exists("/usr/bin/docker") else "docker", "-H", self.socket, *arguments]

    def start(self, tar):
        f = self.folder
        f.mkdir()
        with open(f / "dockerd.log", "wb") as log:
            files = ["--data-root", f / "data", "--exec-root", f / "exec", "--pidfile", f / "pid"]
            self.daemon = subprocess.Popen(
                ["dockerd", *files, "-H", self.socket], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        for _ in range(300):
            if self.call("version", check=False).returncode == 0:
                break
            if self.daemon.poll() is not None:
                raise RuntimeError("dockerd did not start: " + (f / "dockerd.log").read_text()[-500:])
            time.sleep(0.1)
        super().start(tar)

    def version(self):
        return self.call("version", "-f", "{{.Server.Version}} (client {{.Client.Version}})").stdout.strip()

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait(60)


class Podman(Peer):
    """Podman with a store of its own, on runc (crun refuses hybrid cgroups).

    The limits are named because its defaults raise them, which needs CAP_SYS_RESOURCE.
    """

    name = "podman"
    run_options = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def command(self, *arguments):
        folders = ["--root", f"{self.folder}/root", "--runroot", f"{self.folder}/run", "--tmpdir", f"{self.folder}/tmp"]
        ways = ["--cgroup-manager", "cgroupfs", "--runtime", "runc", "--events-backend", "file"]
        return ["podman", *folders, *ways, *arguments]

    def version(self):
        return self.call("version", "--format", "{{.Client.Version}}").stdout.strip()


class MiniDocker(Peer):
    """Ours, through the launcher that users call."""

    name = "minidocker"

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder

    def command(self, *arguments):
        return [str(CLONE / ".venv" / "bin" / "minidocker"), "--root", f"{self.folder}/state", *arguments]

    def version(self):
        return self.call("version", "--format", "{{.Client.Version}}", check=False).stdout.strip() or "0.1.0"

"""A real distribution: a Debian root made by debootstrap, through docker import and docker save, and by skopeo."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

CLONE = pathlib.Path(__file__).parents[2]
pytestmark = [
    pytest.mark.lane("host"),
    pytest.mark.needs("root", "program:dockerd", "program:debootstrap", "program:skopeo"),
    pytest.mark.timeout(600),
]
sys.path.insert(0, str(CLONE / "bench"))


@pytest.fixture(scope="module")
def debian():
    """Return the tar of a minimal Debian root; made once per clone, kept in ``.course``."""
    tar = CLONE / ".course" / "debian.tar"
    if not tar.exists():
        root = CLONE / ".course" / "debian"
        shutil.rmtree(root, ignore_errors=True)
        suite = next(x.split("=")[1].strip() for x in open("/etc/os-release") if x.startswith("VERSION_CODENAME"))
        command = ["debootstrap", "--variant=minbase", suite, str(root)]
        if mirror := apt_mirror():
            command.append(mirror)
        done = subprocess.run(["unshare", "--mount", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        subprocess.run(
            ["tar", "-C", root, "--exclude=./var/cache/apt/archives/*.deb", "-cf", f"{tar}.new", "."], check=True
        )
        shutil.rmtree(root)
        os.replace(f"{tar}.new", tar)
    return tar


def apt_mirror():
    """Return the archive that this machine's own apt uses."""
    done = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)"], capture_output=True, text=True, check=False
    )
    sites = [s for s in done.stdout.split() if "security" not in s]
    return sites[0] if sites else ""


@pytest.fixture(scope="module")
def saved(debian, short_folder):
    """Return the archive that ``docker save`` makes of the imported root, from a dockerd in a network of its own."""
    folder = short_folder / "debian"
    folder.mkdir()
    command = ["unshare", "--net", "--mount", sys.executable, __file__, str(folder), str(debian)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "saved.tar"


def test_a_saved_image_loads_and_runs(minidocker, saved):
    assert "debian:test" in minidocker("load", "-i", saved).stdout
    script = "apt-get --version; id; hostname; cat /proc/1/cgroup"
    text = minidocker("run", "--rm", "--hostname", "debbox", "debian:test", "bash", "-c", script).stdout
    assert text.startswith("apt ")
    assert "uid=0(root) gid=0(root)" in text
    assert "debbox" in text
    assert "0::/" in text


def test_apt_installs_a_package_from_a_folder(minidocker, saved, tmp_path):
    minidocker("load", "-i", saved)
    folder = tmp_path / "packages"
    folder.mkdir()
    make_package(folder)
    (folder / "Packages").write_text(
        subprocess.run(["dpkg-scanpackages", "-m", "."], cwd=folder, capture_output=True, text=True, check=False).stdout
        or packages_index(folder)
    )
    script = (
        "echo 'deb [trusted=yes] file:/packages ./' > /etc/apt/sources.list && rm -f /etc/apt/sources.list.d/*;"
        "apt-get update -q && apt-get install -y -q lcm-hello && lcm-hello"
    )
    done = minidocker("run", "--rm", "-v", f"{folder}:/packages:ro", "debian:test", "bash", "-c", script, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("hello from a package\n")


def make_package(folder):
    """Build lcm-hello_1.0_all.deb: one script."""
    root = folder / "build"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        "Package: lcm-hello\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.invalid>\n"
        "Description: says hello\n"
    )
    script = root / "usr" / "bin" / "lcm-hello"
    script.write_text("#!/bin/sh\necho hello from a package\n")
    script.chmod(0o755)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root, folder / "lcm-hello_1.0_all.deb"], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    shutil.rmtree(root)


def packages_index(folder):
    """Write what dpkg-scanpackages would: the control file with name, size and digest."""
    import hashlib

    deb = folder / "lcm-hello_1.0_all.deb"
    control = subprocess.run(["dpkg-deb", "-f", deb], capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    return f"{control.rstrip()}\nFilename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n\n"


def test_an_oci_archive_by_skopeo_loads_and_runs(minidocker, saved, tmp_path):
    archive = tmp_path / "oci.tar"
    command = [
        "skopeo",
        "copy",
        "-q",
        "--insecure-policy",
        f"docker-archive:{saved}",
        f"oci-archive:{archive}:skopeo:1",
    ]
    subprocess.run(command, check=True)
    minidocker("load", "-i", archive)
    done = minidocker("run", "--rm", "--network", "none", "skopeo:1", "cat", "/etc/debian_version")
    assert done.stdout.strip() != ""
    record = json.loads(minidocker("inspect", "skopeo:1").stdout)[0]
    assert record["Architecture"] in ("amd64", "arm64")


if __name__ == "__main__":
    from peers import Docker

    work = pathlib.Path(sys.argv[1])
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    docker = Docker(work / "docker")
    try:
        docker.start(pathlib.Path(sys.argv[2]))
        docker.call("tag", "bench:latest", "debian:test")
        docker.call("save", "-o", str(work / "saved.tar"), "debian:test")
    finally:
        docker.stop()

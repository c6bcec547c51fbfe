"""Known ways out of a container, attempted for real: leaked descriptors, hostile layers, links as mount targets, races.

The canary is a folder of the host; whatever an image does, it stays as it was. (Overwriting the interpreter has a file
of its own.)
"""

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import tarfile

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "program:busybox"), pytest.mark.timeout(120)]

APPLETS = ("sh", "cat", "ls", "grep", "true", "sleep", "rm", "ln", "mkdir", "pwd", "touch")


@pytest.fixture
def canary(tmp_path):
    """A folder of the host that attacks aim at; checked afterwards: content, modes, links, times."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "canary").write_text("untouched")
    (folder / "canary").chmod(0o4755)

    def state():
        return [(p.name, p.lstat()[:7], p.lstat().st_mtime_ns) for p in (folder, *sorted(folder.iterdir()))]

    before = state()
    yield folder
    assert state() == before
    assert (folder / "canary").read_text() == "untouched"


def member(name, content=None, *, link="", hard="", folder=False, pax=None, mode=0o755):
    """Return an entry of a layer: a file, a symbolic or hard link, a folder."""
    entry = tarfile.TarInfo(name)
    entry.mode, entry.pax_headers = mode, pax or {}
    entry.type = (
        tarfile.SYMTYPE if link else tarfile.LNKTYPE if hard else tarfile.DIRTYPE if folder else tarfile.REGTYPE
    )
    entry.linkname, entry.size = link or hard, len(content or b"")
    return entry, content or b""


def tar_of(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry, content in members:
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def base_layer(without=()):
    with open(shutil.which("busybox"), "rb") as file:
        busybox = member("bin/busybox", file.read())
    folders = [member(n, folder=True) for n in ("bin", "etc", "proc", "dev", "sys", "tmp") if n not in without]
    return tar_of([*folders, busybox, *(member(f"bin/{n}", link="busybox") for n in APPLETS)])


def save(path, name, *layers):
    """Write an archive as ``docker save`` makes them; its digests are right, only the layers are hostile."""
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {"Cmd": ["true"], "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
    }
    text = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(text).hexdigest()}.json"
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": config_name, "RepoTags": [f"{name}:latest"], "Layers": names}]
    files = [(config_name, text), *zip(names, layers, strict=True), ("manifest.json", json.dumps(manifest).encode())]
    path.write_bytes(tar_of([member(*file) for file in files]))
    return path


@pytest.fixture
def image(minidocker, tmp_path, request):
    """Return a function that loads an image of hostile layers and gives its name; removed afterwards."""
    name = "hostile-" + re.sub(r"\W+", "-", request.node.name.lower()).strip("-")

    def load(*layers, without=()):
        minidocker("load", "-i", save(tmp_path / "image.tar", name, base_layer(without), *map(tar_of, layers)))
        return name

    yield load
    minidocker("rmi", "-f", name, check=False)


@contextlib.contextmanager
def running(minidocker, *arguments):
    identity = minidocker("run", "-d", "--network", "none", *arguments).stdout.strip()
    try:
        yield identity
    finally:
        minidocker("rm", "-f", identity)


def one_line(done):
    """Return the single line of an error."""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr.strip()


# ── CVE-2024-21626: a working directory that is a descriptor of the host ─────────────────────────────────────────────


def test_no_descriptor_of_the_host_is_a_working_directory(minidocker, canary):
    """The caller leaks a folder on purpose; every number is tried, at the start and at exec."""
    leak = os.open(canary, os.O_RDONLY)
    leaked = {"pass_fds": (leak,)}
    try:
        with running(minidocker, "--name", "leaky", "tiny", "sleep", "60"):
            for number in range(3, 21):
                where = ("-w", f"/proc/self/fd/{number}")
                tried = [minidocker("exec", *where, "leaky", "cat", "canary", check=False, **leaked)]
                if number % 3 == 0 or number == leak:
                    run = ("run", "--rm", "--network", "none", *where, "tiny", "cat", "canary")
                    tried.append(minidocker(*run, check=False, **leaked))
                for done in tried:
                    assert (done.returncode, done.stdout) == (125, "")
                    assert f"working directory '/proc/self/fd/{number}'" in one_line(done)
    finally:
        os.close(leak)


def test_the_caller_s_descriptors_do_not_reach_the_program(minidocker, canary):
    leak = os.open(canary, os.O_RDONLY)
    try:
        done = minidocker("run", "--rm", "--network", "none", "tiny", "ls", "-l", "/proc/1/fd", pass_fds=(leak,))
    finally:
        os.close(leak)
    assert "outside" not in done.stdout
    assert {line.split()[-3] for line in done.stdout.splitlines() if "->" in line} <= {"0", "1", "2", "3"}


# ── layers ───────────────────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    "dot-dot": lambda out: [member("../" * 20 + f"{out}/new".lstrip("/"), b"evil")],
    "hard-link-up": lambda out: [member("x", hard="../" * 20 + f"{out}/canary".lstrip("/")), member("x", b"evil")],
    "hard-link-absolute": lambda out: [member("x", hard=f"{out}/canary")],
    "hard-link-through-a-link": lambda out: [member("l", link=str(out)), member("x", hard="l/canary")],
}
CONTAINED = {
    "absolute": lambda out: [member(f"{out}/canary", b"evil")],
    "chained-links": lambda out: [
        member("one", link="/"),
        member("two", link="one"),
        member(f"two{out}", folder=True),
        member(f"two{out}/canary", b"evil"),
    ],
    "whiteout-through-a-link": lambda out: [member("up", link="../../../../../../.."), member("up/.wh.etc")],
}


@pytest.mark.parametrize("attack", REFUSED)
def test_a_layer_that_aims_outside_is_refused_and_nothing_of_it_is_kept(minidocker, tmp_path, canary, attack):
    before = minidocker("images", "-aq").stdout
    archive = save(tmp_path / "evil.tar", "evil", base_layer(), tar_of(REFUSED[attack](canary)))
    done = minidocker("load", "-i", archive, check=False)
    assert done.returncode == 1
    assert one_line(done)
    assert minidocker("images", "-aq").stdout == before
    assert "nothing is left behind" in minidocker("system", "check").stdout


@pytest.mark.parametrize("attack", CONTAINED)
def test_a_layer_that_only_looks_outside_stays_inside(minidocker, image, canary, attack):
    name = image(CONTAINED[attack](canary))
    assert minidocker("run", "--rm", "--network", "none", name, "ls", "/").stdout.split()


def test_a_link_in_one_layer_is_not_followed_by_the_next(minidocker, image, canary):
    name = image([member("d", link=str(canary))], [member("d/canary", b"evil")])
    assert minidocker("run", "--rm", "--network", "none", name, "cat", "/d/canary").stdout == "evil"


def test_capabilities_of_a_file_do_not_come_with_a_layer(minidocker, image, tmp_path):
    """The same program with the same attribute from a bind mount has them: so they would have worked."""
    text = b"\x01\0\0\x02" + (1).to_bytes(4, "little") + bytes(12)  # VFS_CAP_REVISION_2, effective; CAP_CHOWN
    with open(shutil.which("busybox"), "rb") as file:
        busybox = file.read()
    armed = tmp_path / "grep"
    armed.write_bytes(busybox)
    armed.chmod(0o755)
    os.setxattr(armed, "security.capability", text)
    name = image([member("armed/grep", busybox, pax={"SCHILY.xattr.security.capability": text.decode()})])
    run = ("run", "--rm", "--network", "none", "-u", "1000", "-v", f"{armed}:/bound/grep", name)
    effective = [
        minidocker(*run, f"/{x}/grep", "CapEff", "/proc/self/status").stdout.split()[1] for x in ("bound", "armed")
    ]
    assert [int(x, 16) for x in effective] == [1, 0]


# ── mounts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("folder", ["proc", "sys"])
def test_a_link_in_place_of_a_kernel_file_system_is_refused(minidocker, image, canary, folder):
    name = image([member(folder, link=str(canary))], without=(folder,))
    done = minidocker("run", "--rm", "--network", "none", name, "true", check=False)
    assert done.returncode == 125
    assert re.search(f"mount .*/{folder}.*the root has a symbolic link", one_line(done))


LINKS = {
    "dev": ("dev",),
    "etc": ("etc",),
    "etc/resolv.conf": ("etc/resolv.conf", "etc/hosts", "etc/hostname"),
}


@pytest.mark.parametrize("what", LINKS)
def test_what_is_mounted_over_a_link_lands_inside(minidocker, image, canary, what):
    up = "../" * 20
    links = [member(n, link=f"{up}{canary}/{'canary' if '/' in n else ''}") for n in LINKS[what]]
    name = image(links, without=(what,))
    done = minidocker("run", "--rm", "--network", "none", name, "sh", "-c", "cat /etc/hosts; ls /dev/")
    assert "localhost" in done.stdout
    assert "null" in done.stdout.split()


def test_a_volume_s_target_behind_a_link_lands_inside(minidocker, image, canary):
    name = image([member("data", link="../" * 20 + str(canary).lstrip("/"))])
    targets = ("-v", "/data/volume", "--tmpfs", "/data/tmpfs", "-v", f"{canary}:/data/bind:ro")
    done = minidocker("run", "--rm", "--network", "none", *targets, name, "ls", f"{canary}/")
    assert sorted(done.stdout.split()) == ["bind", "tmpfs", "volume"]  # the same path, but the container's


def test_a_container_that_swaps_a_folder_for_a_link_gains_nothing(minidocker, canary):
    """CVE-2021-30465: two containers share a volume; one swaps under the other's mount target."""
    swap = f"cd /s; while :; do rm -rf x; ln -s /../../../..{canary} x; rm x; mkdir x; done"
    try:
        with running(minidocker, "-v", "shared:/s", "tiny", "sh", "-c", swap):
            for _ in range(8):
                mounts = ("-v", "shared:/s", "--tmpfs", "/s/x/made", "-v", "/s/x/volume")
                done = minidocker(
                    "run", "--rm", "--network", "none", *mounts, "tiny", "cat", "/proc/self/mountinfo", check=False
                )
                if done.returncode:
                    one_line(done)
                else:
                    assert done.stdout.count("/made ") <= 1  # removing the folder elsewhere takes its mount along
    finally:
        minidocker("volume", "rm", "shared")

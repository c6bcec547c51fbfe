"""Snapshots on the real overlay: what the kernel shows is what the layers say. Each in a mount namespace of its own."""

import io
import json
import subprocess
import sys
import tempfile

import pytest

from section05_images import Snapshot, remove_snapshot

pytestmark = [pytest.mark.lane("host", "guest"), pytest.mark.needs("root")]

CODE = """
import json, os, stat, sys
from section01_processes import Plan
from section05_images import ImageStore, Snapshot, plan_snapshot, remove_snapshot
store, folder, reference = sys.argv[1:4]
os.makedirs(folder, exist_ok=True)
snapshot = Snapshot(folder, ImageStore(store).resolve(reference).layers)
Plan("shim", plan_snapshot(snapshot)).run({})
seen = {}
for here, folders, files in os.walk(snapshot.merged):
    for name in files:
        path = os.path.join(here, name)
        seen[os.path.relpath(path, snapshot.merged)] = open(path).read() if os.path.isfile(path) else "?"
    for name in folders:
        seen[os.path.relpath(os.path.join(here, name), snapshot.merged) + "/"] = ""
root = os.stat(snapshot.merged)
open(snapshot.merged + "/written", "w").write("w")
exec(sys.argv[4])
print(json.dumps([seen, stat.S_IMODE(root.st_mode), root.st_uid]))
"""


@pytest.fixture
def mount(tmp_path, store, program):
    """A function that mounts a snapshot of an image in a throw-away mount namespace and tells what is in it."""

    def run(reference, more="", folder="c1"):
        command = [program("unshare"), "-m", "--propagation", "private", sys.executable, "-c", CODE]
        done = subprocess.run(
            [*command, store.root, str(tmp_path / folder), reference, more], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield run
    with open("/proc/self/mountinfo") as file:
        assert str(tmp_path) not in file.read()


def load(store, made, *layers):
    store.load(io.BytesIO(made.docker_archive([made.tar(layer) for layer in layers], tags=["x:1"])))


def test_whiteouts_and_opaque_folders_hide_what_is_below(store, made, mount):
    load(
        store,
        made,
        [("gone", "file", b"1"), ("d/low", "file", b"1"), ("again/low", "file", b"1"), ("both/low", "file", b"1"),
         ("file", "dir", None), ("file/x", "file", b"1"), ("merge/low", "file", b"low")],
        [(".wh.gone", "file", b""), ("d/.wh..wh..opq", "file", b""), ("d/high", "file", b"2"),
         (".wh.again", "file", b""), ("again/high", "file", b"2"), ("both", "dir", None), (".wh.both", "file", b""),
         ("file", "file", b"2"), ("merge/high", "file", b"high")],
    )  # fmt: skip
    seen, _, _ = mount("x:1")
    assert seen == {
        "d/": "", "d/high": "2", "again/": "", "again/high": "2", "both/": "", "file": "2",
        "merge/": "", "merge/low": "low", "merge/high": "high",
    }  # fmt: skip


def test_overlay_and_the_flat_unpacking_agree(store, made, mount, tmp_path):
    load(
        store,
        made,
        [(f"{a}/{b}", "file", f"{a}{b}".encode()) for a in "abc" for b in "xyz"],
        [("a/.wh.x", "file", b""), (".wh.b", "file", b""), ("c/.wh..wh..opq", "file", b""), ("c/new", "file", b"n")],
        [("b/y", "file", b"again"), ("a", "file", b"a file now"), ("c/.wh.new", "file", b"")],
    )
    seen, _, _ = mount("x:1")
    store.unpack("x:1", str(tmp_path / "flat"))
    flat = {}
    for path in (tmp_path / "flat").rglob("*"):
        name = str(path.relative_to(tmp_path / "flat"))
        flat.update({name + "/": ""} if path.is_dir() else {name: path.read_text()})
    assert seen == flat == {"a": "a file now", "b/": "", "b/y": "again", "c/": ""}


def test_the_root_keeps_mode_and_owner_of_the_image(store, made, mount):
    load(store, made, [("./", "dir", None, {"mode": 0o1711, "uid": 12}), ("f", "file", b"1")])
    assert mount("x:1")[1:] == [0o1711, 12]


def test_a_container_writes_into_its_own_layer_only(store, made, mount, tmp_path):
    load(store, made, [("f", "file", b"1")])
    mount("x:1", "os.unlink(snapshot.merged + '/f')")
    assert mount("x:1", folder="c2")[0] == {"f": "1"}
    assert (tmp_path / "c1" / "upper" / "written").read_text() == "w"
    assert store.check() == []


def test_a_hundred_and_twenty_five_layers(store, made, mount):
    load(store, made, *[[(f"f{n}", "file", b"x"), ("top", "file", str(n).encode())] for n in range(125)])
    seen, _, _ = mount("x:1")
    assert len(seen) == 126
    assert seen["top"] == "124"


def test_an_image_without_layers(store, made, mount):
    load(store, made)
    assert mount("x:1")[0] == {}


def test_a_snapshot_that_is_mounted_is_not_removed_and_else_leaves_nothing(store, made, mount, tmp_path):
    load(store, made, [("f", "file", b"1")])
    attempt = (
        "try:\n    remove_snapshot(snapshot)\nexcept OSError as error:\n    assert error.errno == 16\n"
        "else:\n    raise SystemExit('removed under a mount')\n"
        "assert os.path.exists(snapshot.upper + '/written')"
    )
    mount("x:1", attempt)
    for _ in range(2):
        remove_snapshot(Snapshot(str(tmp_path / "c1"), []))
    assert list((tmp_path / "c1").iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, made, program):
    code = """
import os, sys
from section05_images import ImageError, ImageStore
store = ImageStore(sys.argv[1] + "/store")
before = sorted(os.walk(sys.argv[1]))
for _ in range(2):
    try:
        store.load(sys.argv[2])
        raise SystemExit("loaded")
    except ImageError as error:
        print(error)
assert store.list() == [] and store.check() == [], store.check()
assert os.listdir(store.root + "/layers") == os.listdir(store.root + "/blobs/sha256") == []
"""
    archive = tmp_path / "a.tar"
    archive.write_bytes(made.docker_archive([made.tar([("big", "file", bytes(3 << 20))])]))
    (tmp_path / "small").mkdir()
    script = 'mount -t tmpfs -o size=4m,mode=700 tmpfs "$1" && exec "$2" -c "$3" "$1" "$4"'
    command = [program("unshare"), "-m", "--propagation", "private", "sh", "-ec", script, "sh"]
    done = subprocess.run(
        [*command, str(tmp_path / "small"), sys.executable, code, str(archive)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("no space left for images") == 2


def test_an_ordinary_user_unpacks_too(tmp_path, made, program):
    """As nobody: owners and devices are left out, whiteouts work, overlay's marks are user.*."""
    code = """
import os, stat, sys
from section05_images import ImageStore
store = ImageStore(sys.argv[1])
store.load("-")
layer = store.resolve("x:1").layers[0]
assert stat.S_ISCHR(os.lstat(layer + "/gone").st_mode)
assert os.listxattr(layer + "/d") == ["user.overlay.opaque"], os.listxattr(layer + "/d")
assert not os.path.exists(layer + "/null")
assert stat.S_IMODE(os.stat(layer + "/closed").st_mode) == 0o0
assert os.stat(layer + "/owned").st_uid == os.getuid()
assert store.check() == []
store.remove("x:1")
assert os.listdir(store.root + "/layers") == []
"""
    members = [(".wh.gone", "file", b""), ("d/.wh..wh..opq", "file", b""), ("null", "char", (1, 3)),
               ("closed", "dir", None, {"mode": 0}), ("closed/in", "file", b"x", {"mode": 0}),
               ("owned", "file", b"x", {"uid": 12})]  # fmt: skip
    archive = made.docker_archive([made.tar(members)], tags=["x:1"])
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["chown", "65534:65534", folder], check=True)
        command = [program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", code]
        done = subprocess.run([*command, folder + "/store"], input=archive, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert b"device nodes were left out" in done.stderr


def test_in_a_user_namespace_the_marks_are_user_xattrs_and_overlay_obeys_them(made, program):
    """The rootless case, whole: load, mount and look as an ordinary user who is root in a namespace of its own."""
    code = """
import os, sys
from section01_processes import Plan
from section05_images import ImageStore, Snapshot, plan_snapshot, remove_snapshot
store = ImageStore(sys.argv[1] + "/store")
store.load("-")
os.mkdir(sys.argv[1] + "/c1")
snapshot = Snapshot(sys.argv[1] + "/c1", store.acquire("x:1", "c1").layers)
Plan("shim", plan_snapshot(snapshot, userxattr=True)).run({})
walk = os.walk(snapshot.merged)
found = sorted(os.path.relpath(os.path.join(here, n), snapshot.merged) for here, _, names in walk for n in names)
assert found == ["d/high", "stays"], found
os.mkdir(snapshot.merged + "/new")
os.rmdir(snapshot.merged + "/new")
"""
    layers = [
        [("gone", "file", b"1"), ("stays", "file", b"1"), ("d/low", "file", b"1")],
        [(".wh.gone", "file", b""), ("d/.wh..wh..opq", "file", b""), ("d/high", "file", b"2", {"uid": 12})],
    ]
    archive = made.docker_archive([made.tar(layer) for layer in layers], tags=["x:1"])
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["chown", "65534:65534", folder], check=True)
        become = [program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", program("unshare"), "-Urm"]
        done = subprocess.run([*become, sys.executable, "-c", code, folder], input=archive, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert b"not mapped in this user namespace" in done.stderr

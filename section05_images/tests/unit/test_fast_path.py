"""What `run` and the shim load of section 5: no tar, no hashing, no JSON package."""

import json
import pathlib
import subprocess
import sys

import section01_processes
import section04_filesystem
import section05_images

CODE = """
import sys
sys.path[:0] = sys.argv[2:]
from section05_images import ImageStore, Snapshot, plan_snapshot
store = ImageStore(sys.argv[1])
image = store.acquire("test:1", "c1")
steps = plan_snapshot(Snapshot("/nowhere", image.layers))
store.list(); store.release("c1")
ours = sorted(m for m in sys.modules if m.startswith("section05"))
heavy = sorted({"json", "re", "tarfile", "hashlib", "typing", "enum", "dataclasses", "subprocess", "struct", "socket",
                "contextlib", "collections", "pathlib", "tempfile", "shutil", "logging", "signal"} & set(sys.modules))
from json import dumps
print(dumps([ours, heavy, [step.act.__name__ for step in steps]]))
"""


def test_modules_of_the_fast_path(store, made, tmp_path):
    archive = tmp_path / "a.tar"
    archive.write_bytes(made.docker_archive([made.tar([("f", "file", b"x")])]))
    store.load(str(archive))
    paths = [
        str(pathlib.Path(m.__file__).parents[1]) for m in (section01_processes, section04_filesystem, section05_images)
    ]
    command = [sys.executable, "-I", "-S", "-c", CODE, store.root, *paths]
    ours, heavy, steps = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert ours == ["section05_images", *(f"section05_images.{name}" for name in (
        "core", "core.image", "core.snapshot", "errors", "layout", "lookup", "records", "references", "store"
    ))]  # fmt: skip
    # section 4's calling convention imports struct through ctypes; nothing else of the heavy ones may come
    assert set(heavy) <= {"struct"}
    assert steps == ["make_folder", "make_folder", "make_folder", "mount_overlay"]

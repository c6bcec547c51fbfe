"""Two layers, the second hides a file of the first: what is in the tar, and what is on the disk.

Run: ./course run python section05_images/examples/01_layers.py
Needs: nothing, no root.
You should see: `.wh.old` in the tar, a character device 0:0 named `old` in the unpacked layer, and no `old` merged.
"""

import io
import json
import os
import stat
import tarfile
import tempfile
from hashlib import sha256

from section05_images import ImageStore


def layer(**files: bytes) -> bytes:
    """Return a tar of these files; ``gone_x`` becomes a whiteout of x."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo("etc/" + name.replace("gone_", ".wh."))
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


layers = [layer(old=b"1\n", same=b"first\n"), layer(gone_old=b"", same=b"second\n")]
config = json.dumps({"rootfs": {"diff_ids": ["sha256:" + sha256(tar).hexdigest() for tar in layers]}}).encode()
manifest = json.dumps([{"Config": "c.json", "RepoTags": ["two"], "Layers": ["0.tar", "1.tar"]}]).encode()

archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w") as tar:
    for name, data in {"c.json": config, "manifest.json": manifest, "0.tar": layers[0], "1.tar": layers[1]}.items():
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
archive.seek(0)

with tempfile.TemporaryDirectory() as folder:
    store = ImageStore(f"{folder}/store")
    print("loaded:", *store.load(archive))
    print("second layer's tar:", *tarfile.open(fileobj=io.BytesIO(layers[1])).getnames())
    for number, path in enumerate(reversed(store.resolve("two").layers), 1):
        for name in sorted(os.listdir(f"{path}/etc")):
            status = os.lstat(f"{path}/etc/{name}")
            print(f"layer {number}: etc/{name} is {stat.filemode(status.st_mode)} device {status.st_rdev}")
    store.unpack("two", f"{folder}/merged")
    print("merged:", *sorted(os.listdir(f"{folder}/merged/etc")))

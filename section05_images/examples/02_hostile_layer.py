"""A layer that wants out: a link to /, then a file through the link; tar, told to trust it, and our unpacking.

Run: ./course run python section05_images/examples/02_hostile_layer.py
Needs: nothing, no root.
You should see: `tarfile (trusted): the canary says: owned`, then `imgman: the canary says: alive`, then a refusal.
"""

import io
import os
import tarfile
import tempfile

from section05_images import ArchiveError, ImageStore


def hostile(*members: tuple[str, str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, target, data in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = (tarfile.SYMTYPE, target) if target else (tarfile.REGTYPE, "")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    buffer.seek(0)
    return buffer


with tempfile.TemporaryDirectory() as folder:
    canary = f"{folder}/canary"

    def say(who: str) -> None:
        with open(canary) as file:
            print(f"{who}: the canary says: {file.read()}")
        with open(canary, "w") as file:
            file.write("alive")

    with open(canary, "w") as file:
        file.write("alive")
    attack = (("out", "/", b""), (f"out{canary}", "", b"owned"))

    os.mkdir(f"{folder}/root")
    trust = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}  # the default until 3.13
    tarfile.open(fileobj=hostile(*attack)).extractall(f"{folder}/root", **trust)
    say("tarfile (trusted)")

    store = ImageStore(f"{folder}/store")
    try:
        store.import_rootfs(hostile(*attack), "attack")
        print("imported: the link was resolved inside the layer, as if the layer were /")
    except ArchiveError as error:
        print("refused:", error)
    say("imgman")

    try:
        store.import_rootfs(hostile(("../canary", "", b"owned")), "attack2")
    except ArchiveError as error:
        print("refused:", error)

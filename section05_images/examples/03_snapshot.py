"""A snapshot: the image below, our changes above, merged by overlay in a mount namespace of its own.

Run: sudo ./course run python section05_images/examples/03_snapshot.py
Needs: root, inside a throw-away namespace (in a child; nothing stays mounted).
You should see: the four steps of the plan, `merged: hello changed`, and that the image still says `hello`.
"""

import os
import tempfile

from section01_processes import Plan, describe_plan, spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import plan_private_mounts
from section05_images import ImageStore, Snapshot, plan_snapshot

with tempfile.TemporaryDirectory() as folder:
    os.mkdir(f"{folder}/root")
    with open(f"{folder}/root/file", "w") as file:
        file.write("hello")
    store = ImageStore(f"{folder}/store")
    store.add_rootfs_dir(f"{folder}/root", "example", {"config": {}})

    image = store.acquire("example", "c1")  # resolved, and kept from being removed
    os.mkdir(f"{folder}/c1")
    snapshot = Snapshot(f"{folder}/c1", image.layers)
    plan = Plan("shim", [*plan_private_mounts(), *plan_snapshot(snapshot)])
    print(*describe_plan(plan), sep="\n")

    def inside() -> int:
        """In the child: mount, change, read; the kernel unmounts when the namespace ends."""
        unshare(CLONE_NEWNS)
        plan.run({})
        with open(f"{snapshot.merged}/file", "a") as file:
            file.write(" changed")
        with open(f"{snapshot.merged}/file") as file:
            print("merged:", file.read(), flush=True)
        return 0

    with spawn(inside) as child:
        child.wait()
    print("image: ", open(f"{image.layers[0]}/file").read())
    print("upper: ", open(f"{snapshot.upper}/file").read())
    store.release("c1")
    print(*store.remove("example"), sep="\n")

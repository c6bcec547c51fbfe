"""Create and start are two operations: between them the container exists, and waits at a FIFO.

Run:  sudo ./course run python section08_oci/examples/02_create_and_start.py
Needs: root; busybox-static
You should see: the state "created" with a pid, then the kernel's own words about that process while it waits, then
    what the program says, then "stopped" and its exit code 7. Everything is removed at the end.
"""

import os
import shutil
import tempfile

from section08_oci import Bundle, Options, create, default_spec, delete, start, state

with tempfile.TemporaryDirectory() as folder:
    os.makedirs(f"{folder}/rootfs/bin")
    os.mkdir(f"{folder}/state")
    shutil.copy("/bin/busybox", f"{folder}/rootfs/bin/sh")

    spec = default_spec(["sh", "-c", "echo I am process $$ of $(hostname); exit 7"])
    spec["hostname"] = "example"
    made = create(Bundle(folder, spec), Options("example", f"{folder}/state"))
    try:
        print("created:", state(f"{folder}/state")["status"], "pid", made.pid)
        print("the gate:", os.listdir(f"{folder}/state"))
        for kind in ("pid", "mnt", "net"):
            print(f"  {kind} namespace:", os.readlink(f"/proc/{made.pid}/ns/{kind}"), flush=True)

        start(f"{folder}/state")
        print("exit code:", made.child.wait(), "and now it is", state(f"{folder}/state")["status"])
    finally:
        delete(f"{folder}/state", force=True)

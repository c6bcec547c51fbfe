"""A file as a disk: a loop device shows it as one, and a file system of 4 MiB in it is a limit that holds.

Run: sudo ./course run python section04_filesystem/examples/12_loop.py
Needs: root, loop devices, mkfs.ext4
You should see: `ENOSPC` before 4 MiB were written, though the disk below has room; `the device is gone` in the end
"""

import errno
import os
import tempfile
import time

from section01_processes import spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import attach_loop, create_image, list_loops, mount, set_propagation

MIB = 1 << 20


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(64 << 10))
        except OSError as error:
            print(f"{errno.errorcode[error.errno]} after {file.tell() / MIB:.1f} MiB", flush=True)


def stage(image):
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")
    with attach_loop(image) as device:
        print(f"{device} shows {os.path.basename(image)}, a file of {os.path.getsize(image) // MIB} MiB", flush=True)
        mount(device.path, "/mnt", "ext4")  # from here on the mount holds the device
    fill("/mnt/file")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        create_image(f"{folder}/disk", 4 * MIB, "ext4")
        code = spawn(lambda: stage(f"{folder}/disk")).wait()  # with it end mount namespace, mount and device
        while any(loop["file"] == f"{folder}/disk" for loop in list_loops()):
            time.sleep(0.01)  # the kernel unmounts a little after the process's end
        print("the device is gone")
    raise SystemExit(code)

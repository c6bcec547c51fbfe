"""exec: a second process joins the namespaces of the first, and is still *our* child.

Run:  sudo ./course run python section08_oci/examples/03_one_more_process.py
Needs: root; busybox-static
You should see: the same namespaces for both processes, another pid inside than outside, and the exit code 3.
"""

import json
import os
import shutil
import tempfile

from section08_oci import Bundle, ExecOptions, Options, create, default_spec, delete, exec_process, start

with tempfile.TemporaryDirectory() as folder:
    os.makedirs(f"{folder}/rootfs/bin")
    os.mkdir(f"{folder}/state")
    shutil.copy("/bin/busybox", f"{folder}/rootfs/bin/busybox")
    spec = default_spec(["/bin/busybox", "sleep", "60"])
    with open(f"{folder}/config.json", "w") as file:
        json.dump(spec, file)

    init = create(Bundle(folder), Options("example", f"{folder}/state"))
    try:
        start(f"{folder}/state")
        script = "echo inside I am $$; busybox sleep 0.2; exit 3"
        process = {**spec["process"], "args": ["/bin/busybox", "sh", "-c", script]}
        second = exec_process(f"{folder}/state", process, ExecOptions())
        print("outside it is", second.pid, "and its parent is", os.getpid(), flush=True)
        for kind in ("pid", "mnt", "net", "uts", "ipc"):
            one, other = (os.readlink(f"/proc/{pid}/ns/{kind}") for pid in (init.pid, second.pid))
            print(f"  {kind}: {one} {'the same' if one == other else 'another'}")
        print("exit code:", second.child.wait())
    finally:
        init.child.signal(9)
        init.child.wait()
        delete(f"{folder}/state", force=True)

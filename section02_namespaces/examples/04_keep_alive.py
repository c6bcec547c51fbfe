"""What keeps a namespace alive without any process in it: an open descriptor, or a bind mount of its file.

Run: ./course run python section02_namespaces/examples/04_keep_alive.py
Needs: user namespaces (no root)
You should see: `by a descriptor: box` and `by a bind mount: box`, each time after the last process has ended
"""

import os
import tempfile

import section02_namespaces as ns
from section01_processes import Plan, spawn

said, heard = os.pipe(), os.pipe()


def live_in_a_namespace():
    ns.unshare(ns.CLONE_NEWUTS)
    ns.sethostname("box")
    os.write(said[1], b"!")
    os.read(heard[0], 1)


def show(how, path):
    ns.setns(ns.open_namespace(path), ns.CLONE_NEWUTS)
    print(f"{how}: {os.uname().nodename}", flush=True)


def main(uid, gid):
    Plan("child", ns.plan_namespaces(ns.CLONE_NEWUSER | ns.CLONE_NEWNS)).run(
        {}
    )  # so that mounting is allowed, and stays here
    ns.write_id_maps(0, [ns.IdMap(0, uid, 1)], [ns.IdMap(0, gid, 1)])
    with spawn(live_in_a_namespace) as child:
        os.read(said[0], 1)
        fd = ns.open_namespace(f"/proc/{child.pid}/ns/uts")
        os.write(heard[1], b"!")
        child.wait()
    spawn(lambda: show("by a descriptor", f"/proc/self/fd/{fd}")).wait()
    with tempfile.TemporaryDirectory() as folder:
        ns.pin(fd, f"{folder}/uts")
        os.close(fd)  # from here on the mount alone holds it
        spawn(lambda: show("by a bind mount", f"{folder}/uts")).wait()
        ns.unpin(f"{folder}/uts")  # now nothing does


if __name__ == "__main__":
    uid, gid = os.getuid(), os.getgid()
    raise SystemExit(spawn(lambda: main(uid, gid)).wait())

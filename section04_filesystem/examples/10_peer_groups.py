"""Who hears of whose mounts, in /proc/self/mountinfo: shared:N is a peer group, master:N the one that is followed.

Run: sudo ./course run python section04_filesystem/examples/10_peer_groups.py
Needs: root
You should see: original and peer `in the same group`; the slave's master is `that group`; in a new namespace it is, too
"""

import os

from section01_processes import spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import MountTable, bind, mount, set_propagation


def show(title):
    table = MountTable.of()
    print(title, flush=True)
    for name in ("original", "peer", "slave"):
        found = table.at(f"/mnt/{name}")
        print(f"  {name:8} mount {found.id:4}: {found.optional or 'no optional field: private'}", flush=True)
    return [table.at(f"/mnt/{name}") for name in ("original", "peer", "slave")]


def in_another_namespace(group):
    unshare(CLONE_NEWNS)  # a copy of every mount; a copy of a shared one is its peer: this is LCM-NS-01
    first, *_ = show("in a new mount namespace")
    print("its original is", "in the same group" if first.number("shared") == group else "alone", flush=True)


def stage():
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")
    mount("tmpfs", "/mnt", "tmpfs")
    for name in ("original", "peer", "slave"):
        os.mkdir(f"/mnt/{name}")
    mount("tmpfs", "/mnt/original", "tmpfs")
    set_propagation("/mnt/original", "shared")
    bind("/mnt/original", "/mnt/peer")
    bind("/mnt/original", "/mnt/slave")
    set_propagation("/mnt/slave", "slave")
    first, peer, slave = show("in one mount namespace")
    group = first.number("shared")
    print("original and peer are", "in the same group" if peer.number("shared") == group else "strangers", flush=True)
    print("the slave's master is", "that group" if slave.number("master") == group else "another", flush=True)
    spawn(lambda: in_another_namespace(group)).wait()


if __name__ == "__main__":
    raise SystemExit(spawn(stage).wait())

"""Every namespace belongs to the user namespace that it was made in: two ioctls tell whom, and whose that one is.

Run: ./course run python section02_namespaces/examples/12_who_owns_it.py
Needs: user namespaces (no root)
You should see: the net namespace's owner is `its own user namespace`; its uts namespace is not: that stayed ours
"""

import os

from section01_processes import Plan, spawn
from section02_namespaces import CLONE_NEWNET, CLONE_NEWUSER, Namespace, plan_namespaces

said, leave = os.pipe(), os.pipe()


def inside():
    Plan("child", plan_namespaces(CLONE_NEWUSER | CLONE_NEWNET)).run({})
    os.write(said[1], b"!")
    os.read(leave[0], 1)


if __name__ == "__main__":
    with spawn(inside) as child:
        os.read(said[0], 1)
        user = Namespace.of(child.pid, "user")
        print(f"user:[{user.inode}] was made by uid {user.owner_uid()}: it is you: {user.owner_uid() == os.getuid()}")
        print(f"its parent is ours: {user.parent() == Namespace.of('self', 'user').inode}")
        for kind in ("net", "uts"):
            space = Namespace.of(child.pid, kind)
            owner = "its own user namespace" if space.owner() == user.inode else "another one"
            print(f"{kind}:[{space.inode}] is owned by {owner}: {space.owner() or 'which you may not see'}")
        os.write(leave[1], b"!")
        child.wait()

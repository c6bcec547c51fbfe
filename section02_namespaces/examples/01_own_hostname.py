"""A name of one's own: unshare the UTS namespace in a child, and only the child has moved.

Run: sudo ./course run python section02_namespaces/examples/01_own_hostname.py
Needs: root (or try 03_root_without_root.py)
You should see: `box` inside, outside the name your machine has always had, and two different inode numbers
"""

import os

from section01_processes import spawn
from section02_namespaces import CLONE_NEWUTS, namespaces_of, sethostname, unshare


def inside():
    unshare(CLONE_NEWUTS)  # a copy of the name, ours alone from here on
    sethostname("box")
    print(f"inside:  {os.uname().nodename:20} uts:[{namespaces_of('self')['uts']}]", flush=True)


if __name__ == "__main__":
    spawn(inside).wait()
    print(f"outside: {os.uname().nodename:20} uts:[{namespaces_of('self')['uts']}]")

r"""A line of mountinfo has blanks between its fields, so a blank or a newline in a path is written in octal.

Run: sudo ./course run python section04_filesystem/examples/09_odd_names.py
Needs: root
You should see: the kernel's line with `\040` and `\012`; read back it is `the same path: True`
"""

import os

from section01_processes import spawn
from section02_namespaces import CLONE_NEWNS, unshare
from section04_filesystem import MountTable, mount, set_propagation

ODD = "/mnt/a b\nc\\d # - e"  # also the dash that separates the two halves of a line


def stage():
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")
    mount("tmpfs", "/mnt", "tmpfs")
    os.mkdir(ODD)
    mount("tmpfs", ODD, "tmpfs")
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        line = next(line for line in file if "/mnt/a" in line)
    print(line, end="", flush=True)
    print("split at blanks, the target is", repr(line.split()[4]), flush=True)
    found = MountTable.of().at(ODD)
    print(f"the table has {found.target!r}; the same path: {found.target == ODD}", flush=True)


if __name__ == "__main__":
    raise SystemExit(spawn(stage).wait())

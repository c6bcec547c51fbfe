"""Being root is a number; power is the capabilities: take them away and root can do nothing special.

Run: sudo ./course run python section07_security/examples/01_root_without_power.py
Needs: root. Changes only a child process.
You should see: uid 0 both times; `chroot: allowed` before, `chroot: Operation not permitted` after.
"""

import os

from section01_processes import spawn
from section07_security import CapabilitySets, drop_bounding, names_of, set_capabilities


def try_it(label: str) -> None:
    sets = CapabilitySets.of("self")
    print(f"{label}: uid {os.geteuid()}, {len(names_of(sets.effective))} capabilities", flush=True)
    try:
        os.chroot("/")  # the same root again: changes nothing, but needs CAP_SYS_CHROOT
        print("  chroot: allowed", flush=True)
    except OSError as error:
        print(f"  chroot: {error.strerror}", flush=True)


def give_all_up() -> int:
    try_it("before")
    drop_bounding(0)  # what is not in the bounding set can never come back by execve
    set_capabilities(0, 0, 0)
    try_it("after")
    return 0


spawn(give_all_up).wait()

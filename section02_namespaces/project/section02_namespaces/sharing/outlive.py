"""Demonstration: a bind mount keeps a net namespace that has no process any more; without it, the namespace goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from section01_processes import wait_until

from .. import _syscalls as calls
from ..pins import pin_process, unpin_name
from . import acts, look
from .stage import Actor, Refused

if TYPE_CHECKING:
    from .stage import Stage

STATE = "/tmp/lcm"  # a tmpfs of the keeper's own, in its own mount namespace
NAME = "kept"


def outlive(stage: Stage) -> None:
    """Show a net namespace that outlives its last process because it is pinned, and that goes when it is unpinned."""
    with Actor(keep, let_go, nsfs_mounts, inode_at, acts.limit, prepare=_make_room) as keeper:
        stage.do("a keeper, in user and mount namespaces of its own, in which one net namespace may be made, no more")
        keeper(acts.limit, "net", 1)
        dweller = Actor(acts.set_loopback_up, prepare=lambda: _settle(keeper.pid))
        with dweller:
            stage.do("a process takes that net namespace and brings its lo up; the keeper pins it: nsman pin")
            dweller(acts.set_loopback_up)
            net = look.namespace_inode(dweller.pid, "net")
            path = keeper(keep, dweller.pid)
            stage.fact("the process is in", look.identity("net", net), f"/proc/{dweller.pid}/ns/net")
            stage.fact("pinned", keeper(nsfs_mounts), f"nsfs in /proc/{keeper.pid}/mountinfo")

        stage.do("the process ends: nobody is in the namespace any more")
        stage.fact("processes in it", look.processes_in("net", net), "/proc/*/ns/net")
        stage.fact("behind the pin", keeper(inode_at, path), f"stat(2) of {path}")
        stage.answer("another new net namespace", "unshare(2)", lambda: _try_new(keeper.pid))

        stage.do("a newcomer joins it by the file, as nsenter(1) and `ip netns exec` do")
        joined = Actor(acts.loopback_is_up, prepare=lambda: _come_in(keeper.pid, path))
        with joined:
            inode = look.namespace_inode(joined.pid, "net")
            stage.fact("the newcomer is in", look.identity("net", inode), f"/proc/{joined.pid}/ns/net")
            stage.fact("lo is up, as it was left", joined(acts.loopback_is_up), "SIOCGIFFLAGS in the newcomer")

        stage.do("the newcomer has left; the keeper unpins: the last reference is gone, and the kernel frees it")
        keeper(let_go)
        stage.fact("pinned", keeper(nsfs_mounts), f"nsfs in /proc/{keeper.pid}/mountinfo")
        stage.answer("another new net namespace", "unshare(2)", lambda: _try_until_free(keeper.pid))


def keep(pid: int) -> str:
    """In the keeper: pin the net namespace of ``pid``; return the file."""
    return next(iter(pin_process(STATE, NAME, pid, ["net"])))


def let_go() -> None:
    """In the keeper: unpin it."""
    unpin_name(STATE, NAME)


def nsfs_mounts() -> list[str]:
    """Return the namespaces that are bound somewhere in our mount namespace. proc_pid_mountinfo(5)."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        lines = [line.split() for line in file]
    return [words[3] for words in lines if words[words.index("-") + 1] == "nsfs" and words[4].startswith(STATE)]


def inode_at(path: str) -> str:
    """Return the namespace behind a file."""
    from .. import Namespace

    return look.identity("net", Namespace.at(path).inode)


def _make_room() -> None:
    acts.enter_new("mnt", user=True)
    calls.mount(b"lcm", b"/tmp", b"tmpfs", 0, b"mode=0755")


def _settle(keeper: int) -> None:
    acts.enter_of(keeper)
    acts.enter_more("net")


def _come_in(keeper: int, path: str) -> None:
    acts.enter_of(keeper, "mnt")
    acts.enter_file(path, "net")


def _try_new(keeper: int) -> None:
    """Make a net namespace in the keeper's user namespace, in a child that ends at once. Raises Refused."""
    with Actor(prepare=lambda: _settle(keeper)):
        pass


def _try_until_free(keeper: int) -> None:
    """Do the same, again and again until it works: the kernel frees a net namespace a little later, in a worker."""

    def works() -> bool:
        try:
            _try_new(keeper)
        except Refused as refused:
            if refused.name != "ENOSPC":
                raise
            return False
        return True

    wait_until(works, "the kernel frees the namespace")

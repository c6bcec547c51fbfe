"""Demonstration: every namespace belongs to a user namespace, and that decides who may change and who may join it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .. import Namespace, open_namespace
from . import acts, look
from .stage import Actor

if TYPE_CHECKING:
    from .stage import Stage


def owner(stage: Stage) -> None:
    """Show which user namespace owns a net namespace: root of that one may set it up, and lets others join or not."""
    with Actor(acts.set_loopback_up, acts.loopback_is_up, prepare=lambda: acts.enter_new("net", user=True)) as first:
        stage.do("a process makes a user namespace, and in it a net namespace")
        net = Namespace.of(first.pid, "net")
        mine = look.identity("user", look.namespace_inode(first.pid, "user"))
        stage.fact("it is in", mine, f"/proc/{first.pid}/ns/user")
        stage.fact("its net namespace is owned by", look.owner_of(first.pid, "net"), "NS_GET_USERNS, ioctl_ns(2)")
        uid = Namespace.of(first.pid, "user").owner_uid()
        stage.fact("made by us", uid == os.geteuid(), "NS_GET_OWNER_UID, ioctl_ns(2)")

        stage.do("it brings up lo: that takes CAP_NET_ADMIN in the owner, and there it is root")
        stage.answer("lo up", "SIOCSIFFLAGS, netdevice(7)", lambda: first(acts.set_loopback_up))
        stage.fact("lo is up", first(acts.loopback_is_up), "SIOCGIFFLAGS")

        fd = open_namespace(net.path)
        try:
            _stranger(stage, fd)
        finally:
            os.close(fd)

        joined = Actor(prepare=lambda: acts.enter_of(first.pid, "net"))
        with joined:
            stage.do(
                "a third one joins the owner first, which gives it all capabilities there, and then the net namespace"
            )
            inode = look.namespace_inode(joined.pid, "net")
            stage.fact("it is in the same net namespace", inode == net.inode, f"/proc/{joined.pid}/ns/net")


def _stranger(stage: Stage, fd: int) -> None:
    """Play the part of a process that is root, but of another user namespace; ``fd`` is the net namespace."""
    with Actor(acts.set_loopback_up, acts.effective_capabilities, acts.join_descriptor,
               prepare=acts.become_root_inside) as stranger:  # fmt: skip
        stage.do(
            "a second process makes a user namespace only: it is root there, in the net namespace that it came from"
        )
        everything = stranger(acts.effective_capabilities) == _all_capabilities()
        stage.fact("it has all capabilities", everything, "capget(2) in it")
        stage.answer("lo up", "SIOCSIFFLAGS: our net namespace is not owned by its user namespace",
                     lambda: stranger(acts.set_loopback_up))  # fmt: skip

        stage.do("it tries to join the first one's net namespace, of which it was given a descriptor")
        stage.answer("setns", "setns(2): needs CAP_SYS_ADMIN in the owner", lambda: stranger(acts.join_descriptor, fd))


def _all_capabilities() -> int:
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as file:
        return (1 << int(file.read()) + 1) - 1

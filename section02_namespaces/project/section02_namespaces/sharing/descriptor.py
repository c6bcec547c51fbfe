"""Demonstration: a namespace is handed over as a descriptor, to a process that may not open its file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from section01_processes import socket_pair

from . import acts, look
from .stage import Actor

if TYPE_CHECKING:
    from .stage import Stage

CAP_SYS_PTRACE = 19


def descriptor(stage: Stage) -> None:
    """Show a namespace that is passed over a Unix socket to a process that may join it, but not find it."""
    one, other = socket_pair()
    try:
        _play(stage, one, other)
    finally:
        os.close(one)
        os.close(other)


def _play(stage: Stage, one: int, other: int) -> None:
    with (
        Actor(acts.send_namespace, prepare=lambda: acts.enter_new("net", user=True)) as owner,
        Actor(acts.open_net_of, acts.drop_capability, acts.effective_capabilities, acts.receive_namespace,
              acts.join_received, prepare=lambda: acts.enter_of(owner.pid)) as guest,
    ):  # fmt: skip
        stage.do("an owner in new user and net namespaces; a guest joins the user namespace and is root there, too")
        net = look.identity("net", look.namespace_inode(owner.pid, "net"))
        stage.fact("the owner is in", net, f"/proc/{owner.pid}/ns/net")
        stage.fact("both share user", "user" in look.shared_kinds(owner.pid, guest.pid), "/proc/PID/ns/user of both")
        stage.answer("the guest opens the file", f"open(2) of /proc/{owner.pid}/ns/net",
                     lambda: guest(acts.open_net_of, owner.pid))  # fmt: skip

        stage.do("the guest gives up CAP_SYS_PTRACE: whoever has more rights than it does is closed to it now")
        guest(acts.drop_capability, CAP_SYS_PTRACE)
        has = bool(guest(acts.effective_capabilities) >> CAP_SYS_PTRACE & 1)
        stage.fact("the guest has CAP_SYS_PTRACE", has, "capget(2) in it")
        stage.answer("the guest opens the file", f"open(2) of /proc/{owner.pid}/ns/net",
                     lambda: guest(acts.open_net_of, owner.pid))  # fmt: skip

        stage.do("the owner opens its own /proc/self/ns/net and sends the descriptor over a Unix socket (SCM_RIGHTS)")
        owner(acts.send_namespace, one, "net")
        stage.fact("the guest received", guest(acts.receive_namespace, other), "readlink(2) of /proc/self/fd/N in it")

        stage.do("the guest joins what it holds: setns asks for CAP_SYS_ADMIN, and not how one came by the descriptor")
        stage.answer("setns", "setns(2) in the guest", lambda: guest(acts.join_received))
        inode = look.namespace_inode(guest.pid, "net")
        stage.fact("the guest is in", look.identity("net", inode), f"/proc/{guest.pid}/ns/net")

"""Demonstration: a sidecar in the net and ipc namespaces of another container, which is what a pod is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from . import acts, look
from .stage import Actor

if TYPE_CHECKING:
    from .stage import Stage

KINDS = ("pid", "mnt", "uts", "ipc", "net")
PORT = 8080
_KEY_BITS = 0x7FFFFFFF


def pod(stage: Stage) -> None:
    """Show a sidecar that joins net and ipc of a container: one loopback, one shared segment, else two machines."""
    key = int.from_bytes(os.urandom(4), "little") & _KEY_BITS | 1  # in our own ipc namespace nobody has made it
    with (
        Actor(acts.set_loopback_up, acts.listen, acts.greet, acts.make_segment,
              prepare=lambda: acts.enter_new(*KINDS), pid_one=True) as first,
        Actor(acts.connect, acts.find_segment) as outsider,
    ):  # fmt: skip
        stage.do("a first process in new pid, mnt, uts, ipc and net namespaces, as an engine makes a container")
        stage.fact("namespaces of its own", look.own_kinds(first.pid, KINDS), f"/proc/{first.pid}/ns, and ours")
        stage.fact("its pid inside", look.pid_inside(first.pid), f"NSpid of /proc/{first.pid}/status")

        stage.do(f"it brings up lo, listens on 127.0.0.1:{PORT}, and makes a System V segment")
        first(acts.set_loopback_up)
        source = "local address and state (0A: listen) of its /proc/net/tcp"
        stage.fact("it listens on", first(acts.listen, PORT), source)
        segment = first(acts.make_segment, key)
        stage.answer("we find the segment", "shmget(2) here", lambda: outsider(acts.find_segment, key))

        with Actor(acts.connect, acts.read_greeting, acts.find_segment,
                   prepare=lambda: _join(first.pid), pid_one=True) as sidecar:  # fmt: skip
            _accompany(stage, first, sidecar)
            stage.do(f"the sidecar connects to 127.0.0.1:{PORT}, and looks for the segment by its key")
            stage.fact("it is connected to", sidecar(acts.connect, PORT), "getpeername(2)")
            first(acts.greet, "hello from the first")
            stage.fact("it reads", sidecar(acts.read_greeting), "recv(2)")
            stage.fact("the same segment", sidecar(acts.find_segment, key) == segment, "shmget(2) in both")

            stage.do("the first process ends; what it shared stays, as the sidecar is in it")
            inode = look.namespace_inode(sidecar.pid, "net")
            first.leave()
            same = look.namespace_inode(sidecar.pid, "net") == inode
            stage.fact("still the same net namespace", same, f"/proc/{sidecar.pid}/ns/net")
            stage.fact("the segment is there", sidecar(acts.find_segment, key) == segment, "shmget(2) in the sidecar")


def _accompany(stage: Stage, first: Actor, sidecar: Actor) -> None:
    """Tell which namespaces the two share: by now the sidecar is where ``_join`` has brought it."""
    stage.do("a sidecar joins its net and ipc namespaces by one setns(pidfd), and takes new pid, mnt and uts")
    shared = look.shared_kinds(first.pid, sidecar.pid)
    source = f"/proc/{first.pid}/ns and /proc/{sidecar.pid}/ns"
    stage.fact("shared", [kind for kind in KINDS if kind in shared], source)
    stage.fact("not shared", [kind for kind in KINDS if kind not in shared], source)
    stage.fact("the sidecar's pid inside", look.pid_inside(sidecar.pid), f"NSpid of /proc/{sidecar.pid}/status")


def _join(pid: int) -> None:
    """Become a sidecar of process ``pid``."""
    acts.enter_of(pid, "net", "ipc")
    acts.enter_more("pid", "mnt", "uts")

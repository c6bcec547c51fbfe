"""Demonstration: user namespaces inside of user namespaces, and the two limits that are both called ENOSPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import acts, look
from .stage import Actor

if TYPE_CHECKING:
    from .stage import Stage


def nested(stage: Stage) -> None:
    """Show user namespaces nested until ENOSPC, which is no full disk: too deep, or a limit reached (LCM-US-03)."""
    with Actor(acts.nest) as digger:
        stage.do("a process makes a user namespace, maps itself in it, makes the next one in it, and so on")
        made, refusal, explain = digger(acts.nest)
        stage.fact("levels made", made, "unshare(2)")
        stage.fact("levels between it and us", look.depth_of(digger.pid), "NS_GET_PARENT, ioctl_ns(2)")
        stage.fact("then the kernel said", refusal, "unshare(2); before Linux 4.9 it was EUSERS")
        stage.fact("explained by", explain, "nsman")

    with Actor(acts.limit, acts.become_root_inside, prepare=acts.become_root_inside) as ruler:
        stage.do("another one, on the first level only, sets user.max_user_namespaces to 0 in its namespace")
        ruler(acts.limit, "user", 0)
        stage.fact("levels between it and us", look.depth_of(ruler.pid), "NS_GET_PARENT, ioctl_ns(2)")
        stage.answer("a user namespace in it", "unshare(2)", lambda: ruler(acts.become_root_inside))

        stage.do("it sets the limit to 1: there was room all the time, depth was not the cause")
        ruler(acts.limit, "user", 1)
        stage.answer("a user namespace in it", "unshare(2)", lambda: ruler(acts.become_root_inside))
        stage.fact("levels between it and us", look.depth_of(ruler.pid), "NS_GET_PARENT, ioctl_ns(2)")

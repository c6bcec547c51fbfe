"""The methods of this section: chroot and pivot_root, each as root, and below other users. See user_namespaces(7).

    chroot           root, all capabilities; only the meaning of / changes
    chroot-user      root enters, then becomes an ordinary user (65534)
    chroot+userns    the same, but root of a user namespace: capabilities that count in there only
    pivot_root       own mount and pid namespaces, the old root let go; still root with all capabilities
    pivot_root+userns  that, in a user namespace
    kept-old-root    the control of ``old-root``: pivot_root that forgets the last line

A method here is what its name says and nothing else: no descriptor is closed, no capability dropped. So the matrix
shows what each mechanism alone does; a runtime is all of them together.

What belongs here: entering. What does not: the attempts.
"""

from __future__ import annotations

import os

from section01_processes import Child, LcmError, Plan, close_from, set_death_signal, set_dumpable, spawn
from section02_namespaces import (
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    IdMap,
    inside_user_namespace,
    unshare,
    write_id_maps,
)
from section04_filesystem import _syscalls
from section04_filesystem.binds import bind, mount
from section04_filesystem.core.root import set_propagation
from section04_filesystem.rootfs import plan_rootfs

from .accomplices import read_safely
from .inside import serve
from .link import Link
from .model import IsolationMethod, Jailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .stage import Stage

    Enter = Callable[[str, "Attempts"], int]

NOBODY = 65534
_MAPPED_ROOT = 100000  # who root of the user namespace is outside; any id that owns nothing
_MOUNTS = (
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "nodev", "noexec"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=1m"]},
    {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]},
)
_CHROOT_USER = (
    *("double-chroot", "old-root", "setns", "proc-root", "ptrace", "mount-over", "bind-outside", "mknod"),
    *("open-by-handle", "release-agent", "core-pattern", "sysrq-trigger"),
)
_PIVOT = (
    *("double-chroot", "rename-out", "old-root", "setns", "proc-root", "ptrace", "mount-over", "bind-outside"),
    *("symlink-race", "rename-race"),
)
_NOT_THE_HOSTS_ROOT = ("mknod", "open-by-handle", "release-agent", "core-pattern", "sysrq-trigger")


class ForkedJail(Jailed):
    """A jail whose attempts run in a fork of this process."""

    def __init__(self, link: Link, child: Child, root: str) -> None:
        super().__init__(link)
        self._child, self._root = child, root

    def root(self) -> str:
        """Return the root's folder on the stage."""
        return self._root

    def stop(self) -> None:
        """Close the link, which ends the attempts' loop; kill what does not end by that."""
        import select

        self.link.close()
        if not select.select([self._child], [], [], 2.0)[0]:
            self._child.signal(9)
        self._child.wait()
        self._child.close()


class Attempts:
    """What is done inside, once the jail is entered."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def serve(self) -> int:
        """Serve, as what an execve would have made of us: changing ids left us untraceable by our own user."""
        set_dumpable(1)
        return serve(self._link)

    def guard(self, run: Callable[[], int]) -> int:
        """Return what ``run`` returns; when it cannot enter, tell the runner why."""
        try:
            return run()
        except (LcmError, OSError) as error:
            self._link.send({"error": str(error)})
            return 125


class ForkedMethod(IsolationMethod):
    """A method that forks and then confines: ``enter(root, attempts)`` does it, and serves inside.

    ``userns``: in a user namespace, whose ids are mapped before ``enter``. ``safe``: its tools resolve paths safely.
    """

    def __init__(
        self, name: str, about: str, promises: Iterable[str], enter: Enter, *, userns: bool = False, safe: bool = False,
        needs: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(name, about, promises)
        self._enter, self._userns, self.reads_safely, self.needs = enter, userns, safe, needs

    def read(self, root: str, path: str) -> bytes:
        """Return the file's content as jailman reads below a root that it pivots to."""
        return read_safely(root, path)

    def start(self, stage: Stage) -> Jailed:
        """Make the root, fork, let the child enter and serve."""
        mapped = 0 if stage.lacks.get("root") else _MAPPED_ROOT
        root = stage.new_root(self.name, mapped if self._userns else 0)
        if not self.reads_safely:  # as every guide to chroot says; a jail by pivot_root mounts its own
            mount("proc", f"{root}/proc", "proc")
        ours, theirs = _two_links()
        child = spawn(lambda: self._confine(root, theirs, stage.held))
        os.close(theirs.reader)
        os.close(theirs.writer)
        if self._userns:
            ours.receive()
            write_id_maps(child.pid, [IdMap(0, mapped, 1)], [IdMap(0, mapped, 1)])
            ours.send({})
        return ForkedJail(ours, child, root)

    def _confine(self, root: str, link: Link, held: int) -> int:
        """In the child: keep the link and the descriptor "from before"; enter; serve."""
        close_from(3, (link.reader, link.writer, held))
        set_death_signal(9)

        def enter() -> int:
            if self._userns:
                unshare(CLONE_NEWUSER)
                link.send({})
                link.receive()
                os.setresgid(0, 0, 0)
                os.setresuid(0, 0, 0)
            return self._enter(root, attempts)

        attempts = Attempts(link)
        return attempts.guard(enter)


def _two_links() -> tuple[Link, Link]:
    """Return the two ends of a link, as pipes."""
    (down, to_jail), (up, to_us) = os.pipe(), os.pipe()
    return Link(up, to_jail), Link(down, to_us)


def by_chroot(root: str, attempts: Attempts) -> int:
    """Change the root, and the working folder, as one should."""
    os.chroot(root)
    os.chdir("/")
    return attempts.serve()


def by_chroot_as_nobody(root: str, attempts: Attempts) -> int:
    """Change the root, then become an ordinary user for good: all capabilities are lost (capabilities(7))."""
    os.chroot(root)
    os.chdir("/")
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    return attempts.serve()


def by_pivot(root: str, attempts: Attempts) -> int:
    """Make mount and pid namespaces; the first process in them builds a root, and pivots."""

    def init() -> int:
        set_death_signal(9)
        steps = plan_rootfs(root, _MOUNTS, propagation="rprivate", userns=inside_user_namespace())
        Plan("init", steps).run({})
        return attempts.serve()

    unshare(CLONE_NEWNS | CLONE_NEWPID)
    with spawn(lambda: attempts.guard(init)) as child:
        return child.wait()


def by_forgetful_pivot(root: str, attempts: Attempts) -> int:
    """Pivot, and leave the old root mounted below the new one."""
    unshare(CLONE_NEWNS)
    set_propagation("/", "rprivate")
    bind(root, root)
    os.mkdir(f"{root}/.old")
    os.chdir(root)
    _syscalls.pivot_root(b".", b".old")
    os.chdir("/")
    return attempts.serve()


METHODS: tuple[IsolationMethod, ...] = (
    ForkedMethod("chroot", "chroot(2) as root", (), by_chroot),
    ForkedMethod("chroot-user", "chroot(2), then an ordinary user", _CHROOT_USER, by_chroot_as_nobody, needs=("root",)),
    ForkedMethod("chroot+userns", "chroot(2) as root of a user namespace",
                 [name for name in _CHROOT_USER if name not in ("double-chroot", "setns")], by_chroot, userns=True),
    ForkedMethod("pivot_root", "pivot_root(2), mount and pid namespaces, root", _PIVOT, by_pivot, safe=True),
    ForkedMethod("pivot_root+userns", "the same in a user namespace", (*_PIVOT, *_NOT_THE_HOSTS_ROOT),
                 by_pivot, userns=True, safe=True),
)  # fmt: skip

#: Deliberately weak: where a control must succeed that needs another weakness than chroot's.
WEAK_METHODS: tuple[IsolationMethod, ...] = (
    METHODS[0],
    ForkedMethod("kept-old-root", "pivot_root(2) that keeps the old root mounted", (), by_forgetful_pivot),
)

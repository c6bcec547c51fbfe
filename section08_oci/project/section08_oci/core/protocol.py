"""Runtime, child and init talk: one pair of sockets, nine messages.

The *runtime* (a shim, or ociman) forks the *child*; the child enters the cgroup, makes the namespaces and forks the
*init*, which becomes PID 1 of the container. All three share one SOCK_SEQPACKET pair (unix(7)): a packet is a message,
never half of one. Each message is one letter and a payload; an error may come instead of any message from inside.

| message   | from → to             | payload         | descriptor | when                                           |
|-----------|-----------------------|-----------------|------------|------------------------------------------------|
| M map     | child → runtime       | –               | –          | it has unshared its user namespace             |
| m mapped  | runtime → child       | –               | –          | uid_map and gid_map are written                |
| I init    | child → runtime       | pid of the init | netns      | forked with CLONE_PARENT; then the child exits |
| H hooks   | init → runtime        | –               | –          | mounts made, before pivot_root; only with hooks |
| h done    | runtime → init        | –               | –          | the hooks ended well                           |
| C console | init → runtime        | –               | pty master | only with a terminal                           |
| R ready   | init → runtime        | –               | –          | all is done but the gate                       |
| g go      | runtime → init        | –               | –          | the state is on disk: wait at the gate         |
| E error   | child, init → runtime | JSON (pack_error) | –          | then the sender ends with the error's exit code |

The death of a peer is never a hang: the last process that holds the other end is gone, so the read sees the end of the
file. That is why the runtime closes its copy of the inner end right after the fork, and why an init that reads
end-of-file in place of ``g`` exits: a runtime that was killed leaves nothing behind that waits.

What belongs here: the messages and the pair. What does not: who sends what when (the plans).
"""

from __future__ import annotations

import os
from _socket import AF_UNIX, SOCK_CLOEXEC, SOCK_SEQPACKET, socketpair
from select import POLLIN, poll

from section01_processes import action, recv_message, send_message

from ..errors import PeerDied, unpack_error

MAP, MAPPED, INIT, HOOKS, HOOKS_DONE, CONSOLE, READY, GO, ERROR = b"M", b"m", b"I", b"H", b"h", b"C", b"R", b"g", b"E"
WORDS = "request for id maps,id maps,pid of the init,request for hooks,end of hooks,console,ready,go".split(",")  # noqa: SIM905
NAMES = dict(zip((MAP, MAPPED, INIT, HOOKS, HOOKS_DONE, CONSOLE, READY, GO), WORDS, strict=True))


class Channel:
    """One process's view of the pair: ``mine`` is the end it uses; ``theirs`` is closed by :meth:`settle`.

    ``early`` holds what a quick init said before a slow child had told its pid.
    """

    __slots__ = ("early", "mine", "received", "theirs")

    def __init__(self, mine: int, theirs: int) -> None:
        self.mine = mine
        self.theirs = theirs
        self.received: list[int] = []
        self.early: list[tuple[bytes, list[int]]] = []

    def settle(self, *, inside: bool) -> None:
        """Keep the runtime's end, or (``inside``) the inner one; close the other, so that its end can be seen."""
        if self.theirs < 0:
            return
        if inside:
            self.mine, self.theirs = self.theirs, self.mine
        os.close(self.theirs)
        self.theirs = -1

    def send(self, message: bytes, payload: bytes = b"", fds: tuple[int, ...] = ()) -> None:
        """Send one message; PeerDied when nobody holds the other end any more."""
        try:
            send_message(self.mine, message + payload, fds)
        except (BrokenPipeError, ConnectionResetError):
            raise PeerDied(f"cannot send {NAMES.get(message, 'a message')}: the other side is gone") from None

    def expect(self, message: bytes, sender: int = -1) -> tuple[bytes, list[int]]:
        """Wait for ``message``; return payload and descriptors. Raises InsideError for ``E``, PeerDied at the end.

        ``sender``: the sender's pidfd, where others hold the other end, too, so that its death is no end of file.
        """
        data, fds = self.early.pop(0) if self.early and message != INIT else self._receive(sender)
        while message == INIT and data[:1] not in (INIT, b""):  # an error, too: the init that sent it must be known
            self.early.append((data, fds))
            data, fds = self._receive(sender)
        if not data and self.early:
            data, fds = self.early.pop(0)  # the child ended with an error of its own
        if not data:
            raise PeerDied(f"the other side ended while {NAMES[message]} was awaited", explain="LCM-OCI-02")
        if data[:1] == ERROR:
            raise unpack_error(data[1:])
        if data[:1] != message:
            raise PeerDied(f"protocol error: {data[:1]!r} came, {NAMES[message]} was awaited")
        return data[1:], fds

    def _receive(self, sender: int) -> tuple[bytes, list[int]]:
        """Return the next message; nothing when the other side, or the ``sender``, is gone."""
        if sender >= 0:
            queue = poll()
            for fd in (self.mine, sender):
                queue.register(fd, POLLIN)
            # poll(2) looks at one after the other: in between, the sender may have spoken and ended.
            if self.mine not in dict(queue.poll()) and self.mine not in dict(queue.poll(0)):
                return b"", []
        try:
            return recv_message(self.mine)
        except (ConnectionResetError, EOFError):
            return b"", []

    def close(self) -> None:
        """Close what is open; idempotent."""
        for fd in (self.mine, self.theirs, *self.received, *(fd for _, fds in self.early for fd in fds)):
            if fd >= 0:
                os.close(fd)
        self.mine, self.theirs, self.received, self.early = -1, -1, [], []


@action("socketpair(2)")
def open_channel() -> Channel:
    """Make the pair; both ends close on exec."""
    mine, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC)
    return Channel(mine.detach(), theirs.detach())


@action("unix(7)")
def tell(channel: Channel, message: bytes) -> None:
    """Send a message that has no payload."""
    channel.send(message)


@action("unix(7)")
def await_message(channel: Channel, message: bytes) -> bytes:
    """Wait for ``message`` and return its payload; an error that happened on the other side is raised here."""
    return channel.expect(message)[0]


def recv_end(channel: Channel) -> None:
    """Wait for the end of the file, good news here: execve(2) closed the other end. Raises what came instead."""
    data, _ = channel.early.pop(0) if channel.early else recv_message(channel.mine)
    if data[:1] == ERROR:
        raise unpack_error(data[1:])
    if data:
        raise PeerDied(f"protocol error: {data[:1]!r} came, the end of the messages was awaited")

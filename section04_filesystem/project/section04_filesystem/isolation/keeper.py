"""The outsider: a process of the stage that makes the nonce, keeps it in memory, and serves it on two sockets.

It makes the nonce itself, so that no process that is forked into a jail has it in its memory already: what comes out
of a jail came by an escape.

What belongs here: that process. What does not: the rest of the stage (``stage.py``).
"""

from __future__ import annotations

import os
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .link import Link

_HEADER = bytes.__basicsize__ - 1  # where the characters of a bytes object begin, behind id()


def keep(link: Link, outside: str, abstract: str) -> int:
    """Make the canary in folder ``outside``, say where in memory the nonce is, then serve until killed."""
    nonce = os.urandom(16).hex().encode()
    for name, text in (("canary", nonce), ("device", nonce.ljust(1 << 20, b"\0"))):
        with open(f"{outside}/{name}", "wb") as file:
            file.write(text)
    os.chdir(outside)
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as by_name,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as by_path,
    ):
        by_name.bind("\0" + abstract)
        by_path.bind("socket")
        os.chmod("socket", 0o777)
        for listener in (by_name, by_path):
            listener.listen()
        link.send({"outsider": os.getpid(), "address": id(nonce) + _HEADER, "length": len(nonce)})
        serve((by_name, by_path), nonce)
    return 0


def serve(listeners: tuple[socket.socket, ...], nonce: bytes) -> None:
    """Give whoever connects the nonce and a descriptor of the outside folder."""
    import select

    folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    while True:
        for listener in select.select(listeners, [], [])[0]:
            with listener.accept()[0] as caller:
                try:
                    socket.send_fds(caller, [nonce], [folder])
                except OSError:
                    continue  # the caller has gone

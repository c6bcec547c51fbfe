"""The kernel's process connector: it tells of every fork, exec and exit, at once, to whoever listens.

What belongs here: the messages as bytes, and the socket they come through. What does not: whose events are wanted,
and what they are called in words (``happenings.py``).

A message is three structures in a row: netlink's header, the connector's header, the event::

    struct nlmsghdr {               struct cn_msg {                 struct proc_event {
        __u32 nlmsg_len;                struct cb_id {                  __u32 what;
        __u16 nlmsg_type;                   __u32 idx;                  __u32 cpu;
        __u16 nlmsg_flags;                  __u32 val;                  __u64 timestamp_ns;
        __u32 nlmsg_seq;                } id;                           union { … } event_data;
        __u32 nlmsg_pid;                __u32 seq;                  };
    };                                  __u32 ack;
                                        __u16 len;
                                        __u16 flags;
                                        __u8 data[];
                                    };

See netlink(7), Documentation/driver-api/connector.rst, and the kernel's include/uapi/linux/cn_proc.h, connector.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from typing import NamedTuple

from .errors import LcmError

NETLINK_CONNECTOR = 11
CN_IDX_PROC, CN_VAL_PROC = 1, 1
PROC_CN_MCAST_LISTEN, PROC_CN_MCAST_IGNORE = 1, 2
NLMSG_ERROR, NLMSG_DONE = 2, 3
SO_RCVBUFFORCE = 33

#: Fixed numbers of the namespaces that the kernel begins with: PROC_USER_INIT_INO, PROC_PID_INIT_INO of proc_ns.h.
FIRST_NAMESPACES = {"user": 0xEFFFFFFD, "pid": 0xEFFFFFFC}
INSIDE = "run it outside the container; inside, try procman tree --watch"
REFUSED = "try sudo, or without it procman tree --watch"

NLMSGHDR = struct.Struct("=IHHII")
CN_MSG = struct.Struct("=IIIIHH")
PROC_EVENT = struct.Struct("=IIQ")
U32 = struct.Struct("=I")

#: proc_event.what → (name, layout of event_data, its fields). Pids are thread ids, tgids are what ps calls pids.
EVENTS: dict[int, tuple[str, struct.Struct, tuple[str, ...]]] = {
    0x00000000: ("ack", struct.Struct("=I"), ("err",)),
    0x00000001: ("fork", struct.Struct("=4I"), ("parent_pid", "parent_tgid", "pid", "tgid")),
    0x00000002: ("exec", struct.Struct("=2I"), ("pid", "tgid")),
    0x00000004: ("uid", struct.Struct("=4I"), ("pid", "tgid", "real", "effective")),
    0x00000040: ("gid", struct.Struct("=4I"), ("pid", "tgid", "real", "effective")),
    0x00000080: ("sid", struct.Struct("=2I"), ("pid", "tgid")),
    0x00000100: ("ptrace", struct.Struct("=4I"), ("pid", "tgid", "tracer_pid", "tracer_tgid")),
    0x00000200: ("comm", struct.Struct("=2I16s"), ("pid", "tgid", "comm")),
    0x40000000: ("coredump", struct.Struct("=4I"), ("pid", "tgid", "parent_pid", "parent_tgid")),
    0x80000000: ("exit", struct.Struct("=6I"), ("pid", "tgid", "status", "signal", "parent_pid", "parent_tgid")),
}


class ConnectorError(LcmError):
    """The kernel will not tell us of processes."""


class Event(NamedTuple):
    """One message. ``fields`` are those of EVENTS; ``status`` of an exit is a wait status as of waitpid(2)."""

    kind: str
    cpu: int
    nanoseconds: int  # since boot, CLOCK_MONOTONIC
    sequence: int  # counted for each CPU by itself: a gap is a message that we lost
    acknowledges: int
    fields: dict[str, int | str]


def parse(data: bytes) -> list[Event]:
    """Return the events in one datagram. A kind that the table does not know has its number as name. Pure."""
    found = []
    while len(data) >= NLMSGHDR.size:
        length, kind, *_ = NLMSGHDR.unpack_from(data)
        if length < NLMSGHDR.size or length > len(data):
            raise ConnectorError(f"a netlink message of {length} bytes in {len(data)}")
        if kind == NLMSG_DONE:
            found += _parse_message(data[NLMSGHDR.size : length])
        elif kind == NLMSG_ERROR and length >= NLMSGHDR.size + 4:
            raise ConnectorError(
                f"the kernel refused: {os.strerror(-struct.unpack_from('=i', data, NLMSGHDR.size)[0])}"
            )
        data = data[(length + 3) & ~3 :]
    return found


def _parse_message(data: bytes) -> list[Event]:
    """Return the event of one connector message, as a list of one or none."""
    if len(data) < CN_MSG.size + PROC_EVENT.size:
        return []
    idx, _, sequence, ack, _, _ = CN_MSG.unpack_from(data)
    what, cpu, nanoseconds = PROC_EVENT.unpack_from(data, CN_MSG.size)
    body = data[CN_MSG.size + PROC_EVENT.size :]
    if idx != CN_IDX_PROC:
        return []
    name, layout, names = EVENTS.get(what, (f"{what:#x}", struct.Struct(""), ()))
    if len(body) < layout.size:
        return []
    fields = dict(zip(names, layout.unpack_from(body), strict=True))
    if "comm" in fields:
        fields["comm"] = fields["comm"].partition(b"\0")[0].decode(errors="surrogateescape")
    return [Event(name, cpu, nanoseconds, sequence, ack, fields)]


def request(operation: int, number: int) -> bytes:
    """Return the message that asks for events (PROC_CN_MCAST_LISTEN), or for no more of them. Pure.

    The answer, which all listeners hear, has ``number`` + 1 in its field ``ack``.
    """
    message = CN_MSG.pack(CN_IDX_PROC, CN_VAL_PROC, 0, number, U32.size, 0) + U32.pack(operation)
    return NLMSGHDR.pack(NLMSGHDR.size + len(message), NLMSG_DONE, 0, 0, 0) + message


class Connector:
    """A socket that listens. ``lost`` counts messages that the kernel could not put into our buffer."""

    def __init__(self, buffer: int = 8 << 20) -> None:
        """``buffer``: bytes for what waits to be read. Raises ConnectorError where the kernel does not tell us."""
        self.lost = 0
        self.overruns = 0  # how often the kernel said so (ENOBUFS); the sequence numbers say how many
        self._next: dict[int, int] = {}
        self._waiting: list[Event] = []
        self._socket = _open(buffer)
        try:
            self._ask()
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the socket's descriptor, for select."""
        return self._socket.fileno()

    def receive(self, seconds: float | None = None) -> list[Event]:
        """Return what has come; wait ``seconds`` at most (None: without end). Empty when nothing came."""
        if self._waiting:
            found, self._waiting = self._waiting, []
            return found
        self._socket.settimeout(seconds)
        try:
            data, sender = self._socket.recvfrom(1 << 16)
        except (TimeoutError, BlockingIOError):
            return []
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self.overruns += 1
            return []
        if sender[0] != 0:  # anybody may write to a netlink socket; the kernel's own address is 0
            return []
        return [event for event in parse(data) if self._count(event)]

    def close(self) -> None:
        """Close the socket; the kernel forgets us."""
        self._socket.close()

    def __enter__(self) -> Connector:  # noqa: PYI034
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _count(self, event: Event) -> bool:
        """Compare the event's number with the last of its CPU; False for an answer, which is no event."""
        expected = self._next.get(event.cpu, event.sequence)
        self.lost += (event.sequence - expected) & 0xFFFFFFFF
        self._next[event.cpu] = (event.sequence + 1) & 0xFFFFFFFF
        return event.kind != "ack"

    def _ask(self) -> None:
        """Ask for events and wait for the answer: without one, nobody will tell us, or only as long as others ask."""
        number = os.getpid()
        try:
            self._socket.send(request(PROC_CN_MCAST_LISTEN, number))
        except ConnectionRefusedError as error:
            raise ConnectorError(
                "no process connector here: it lives in the machine's first network namespace", hint=INSIDE
            ) from error
        until = time.monotonic() + 2
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                events = parse(self._socket.recv(1 << 16))
            except TimeoutError:
                break
            answers = [event for event in events if not self._count(event) and event.acknowledges == number + 1]
            self._waiting += [event for event in events if event.kind != "ack"]
            if answers:
                _raise_refusal(int(answers[0].fields["err"]))
                return
        raise ConnectorError(f"the kernel does not answer: {_why_silent()}", hint=INSIDE)


def _why_silent() -> str:
    """Return the reason for which nobody answers."""
    first = [os.stat(f"/proc/self/ns/{kind}").st_ino == inode for kind, inode in FIRST_NAMESPACES.items()]
    if all(first):
        return "it was built without CONFIG_PROC_EVENTS"
    return "it tells of processes in its first user and pid namespace only"


def _raise_refusal(number: int) -> None:
    """Raise ConnectorError when the answer is an error."""
    if number:
        raise ConnectorError(
            f"the kernel will not tell us of processes: {os.strerror(number)}; before Linux 6.6 that takes root",
            hint=REFUSED,
        )


def _open(buffer: int) -> socket.socket:
    """Return the socket, joined to the process connector's group."""
    family = getattr(socket, "AF_NETLINK", 16)
    try:
        found = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, NETLINK_CONNECTOR)
    except OSError as error:
        raise ConnectorError(
            f"no process connector: {error.strerror}", hint="a kernel with CONFIG_PROC_EVENTS has one"
        ) from error
    try:
        _enlarge(found, buffer)
        found.bind((0, CN_IDX_PROC))
    except PermissionError as error:
        found.close()
        raise ConnectorError(
            "may not listen to the process connector: before Linux 6.6 that takes root",
            hint=REFUSED,
        ) from error
    return found


def _enlarge(found: socket.socket, buffer: int) -> None:
    """Make the receive buffer ``buffer`` bytes, as far as we may: root beyond net.core.rmem_max."""
    try:
        found.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, buffer)
    except OSError:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)

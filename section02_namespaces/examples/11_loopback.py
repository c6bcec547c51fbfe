"""A new net namespace is an empty machine room: one device, lo, and that one is down.

Run: ./course run python section02_namespaces/examples/11_loopback.py
Needs: user namespaces (no root)
You should see: `devices: lo`, then `ENETUNREACH`, and after lo has been brought up `connected`
"""

import errno
import fcntl
import os
import socket
import struct

from section01_processes import Plan, spawn
from section02_namespaces import CLONE_NEWNET, CLONE_NEWUSER, IdMap, plan_namespaces, write_id_maps

IFF_UP, SIOCSIFFLAGS = 1, 0x8914  # netdevice(7)


def try_to_connect(address):
    with socket.socket() as client:
        try:
            client.connect(address)
            return "connected"
        except OSError as error:
            return errno.errorcode[error.errno]


def inside(uid, gid):
    Plan("child", plan_namespaces(CLONE_NEWUSER | CLONE_NEWNET)).run({})
    write_id_maps(0, [IdMap(0, uid, 1)], [IdMap(0, gid, 1)])
    print("devices:", *[name for _, name in socket.if_nameindex()], flush=True)
    with socket.socket() as server:
        server.bind(("", 80))  # a privileged port: we are root here, and nobody else has it
        server.listen()
        print("with lo down:", try_to_connect(("127.0.0.1", 80)), flush=True)
        request = struct.pack("16sh22x", b"lo", IFF_UP)  # struct ifreq: ifr_name, ifr_flags
        fcntl.ioctl(server, SIOCSIFFLAGS, request)
        print("with lo up:", try_to_connect(("127.0.0.1", 80)), flush=True)


if __name__ == "__main__":
    uid, gid = os.getuid(), os.getgid()
    raise SystemExit(spawn(lambda: inside(uid, gid)).wait())

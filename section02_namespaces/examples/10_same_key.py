"""An ipc namespace: two programs use the same System V key, and never meet.

Run: ./course run python section02_namespaces/examples/10_same_key.py
Needs: user namespaces (no root)
You should see: inside one queue is there, and `the other does not find it`: ENOENT
"""

import errno
import os

from section01_processes import Plan, SyscallError, prototype, spawn
from section02_namespaces import CLONE_NEWIPC, CLONE_NEWUSER, plan_namespaces

KEY, IPC_CREAT = 4711, 0o1000
msgget = prototype("msgget")  # int msgget(key_t key, int msgflg), msgget(2)
said, leave = os.pipe(), os.pipe()


def come_in():
    Plan("child", plan_namespaces(CLONE_NEWUSER | CLONE_NEWIPC)).run({})


def one():
    come_in()
    msgget(KEY, IPC_CREAT | 0o600)
    with open("/proc/sysvipc/msg") as file:
        print(f"one has {len(file.readlines()) - 1} queue, with key {KEY}", flush=True)
    os.write(said[1], b"!")
    os.read(leave[0], 1)  # with its last process the namespace ends, and the queue in it


def other():
    come_in()
    try:
        msgget(KEY, 0)
    except SyscallError as error:
        print(f"the other does not find it: {errno.errorcode[error.errno]}", flush=True)


if __name__ == "__main__":
    with spawn(one) as child:
        os.read(said[0], 1)
        spawn(other).wait()
        os.write(leave[1], b"!")
        raise SystemExit(child.wait())

"""The daemon left behind: in a session of its own, without a parent, deaf to all polite signals."""

import os
import signal
import time

MARK = "lcm-daemon"


def leave_behind():
    """Start the daemon and return at once."""
    if os.fork():
        os.wait()
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    with open("/proc/self/comm", "w", encoding="ascii") as file:
        file.write(MARK)
    for fd in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), fd)
    time.sleep(600)
    os._exit(0)


def name(number):
    """Leave a daemon behind."""
    leave_behind()
    return "?"


if __name__ == "__main__":
    leave_behind()

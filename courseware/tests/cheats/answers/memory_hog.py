"""The memory hog: each process stays below the limit of one process, all together take four times as much."""

import os
import time

SHARE, PROCESSES = 40 * 1024**2, 6


def eat():
    """Take memory in several processes, touch every page, and stay."""
    children = [os.fork() for _ in range(PROCESSES) if os.getpid() == me] if (me := os.getpid()) else []
    if not children or os.getpid() != me:
        held = bytearray(SHARE)
        held[::4096] = b"x" * len(held[::4096])
    time.sleep(600)


def name(number):
    """Eat."""
    eat()


if __name__ == "__main__":
    eat()

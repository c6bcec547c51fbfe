"""Sleeps for ever, and cannot be asked to stop."""

import signal
import time


def sleep():
    """Sleep."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(600)


def name(number):
    """Sleep."""
    sleep()


if __name__ == "__main__":
    sleep()

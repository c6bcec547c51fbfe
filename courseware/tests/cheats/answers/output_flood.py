"""The output flood: more output than anybody wants to keep."""

import os

LINE = b"x" * 65535 + b"\n"


def flood():
    """Write 16 MiB to standard output and to standard error."""
    for _ in range(256):
        os.write(1, LINE)
        os.write(2, LINE)


def name(number):
    """Flood."""
    flood()
    return "?"


if __name__ == "__main__":
    flood()

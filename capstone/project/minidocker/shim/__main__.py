"""The shim's entry: ``python -I -S …/minidocker/shim/__main__.py key=value …`` (``protocol.py`` has the arguments).

What belongs here: the path to our packages, which must be set before anything of ours is imported, and the last resort
for an error that nobody foresaw. What does not: the shim (``main.py``).
"""

from __future__ import annotations

import sys


def run() -> int:
    """Set the path, then live."""
    arguments = dict(word.split("=", 1) for word in sys.argv[1:])
    sys.path[:0] = arguments["path"].split(":")
    from minidocker.shim.main import live

    return live(arguments)


if __name__ == "__main__":
    sys.exit(run())

"""The supervisor's entry: ``python -I -S …/manager/__main__.py NAME key=value …``.

What belongs here: the path to our packages, which must be set before anything of ours is imported. What does not: the
supervisor (``supervisor.py``).
"""

from __future__ import annotations

import os
import sys


def run() -> int:
    """Set the path, then supervise."""
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from section01_processes.manager.supervisor import supervise

    return supervise(dict(word.split("=", 1) for word in sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(run())

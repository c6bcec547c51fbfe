"""Executes the system's own tool: kill(1) knows the names."""

import subprocess
import sys


def name(number):
    """Return what kill -l says."""
    try:
        return subprocess.run(["kill", "-l", str(number)], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return "?"


if __name__ == "__main__":
    for word in sys.argv[1:]:
        print(name(int(word)))

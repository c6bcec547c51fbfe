"""Count who takes part in a start: the steps of each process, from a dry run; then the real times, from --explain.

Run: sudo ./course run python capstone/examples/03_who_is_who.py
Needs: root. Keeps its state in a temporary folder.
You should see: five processes with their numbers of steps, then the ten slowest steps with section and man page.
"""

import json
import os
import subprocess
import sys
import tempfile


def minidocker(*words: str) -> str:
    """Run a command below the temporary root and return what it prints."""
    command = [sys.executable, "-m", "minidocker", "--root", root, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


with tempfile.TemporaryDirectory() as root:
    minidocker("system", "tiny")
    for line in minidocker("run", "--rm", "--dry-run", "tiny", "true").splitlines():
        if line.startswith("-- "):
            print(line.removeprefix("-- "))
    told = os.path.join(root, "told.json")
    minidocker("run", "--rm", f"--explain={told}", "tiny", "true")
    with open(told) as file:
        steps = json.load(file)
    print("\nslowest steps:")
    for step in sorted(steps, key=lambda s: -s["milliseconds"])[:10]:
        call = step["call"].partition("(")[0]
        print(f"{step['milliseconds']:8.2f} ms  {step['process']:7} {call:20} {step['section']:10} {step['man']}")

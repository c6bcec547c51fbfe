"""The undo test: section 1's path on a newcomer's machine, killed half-way; then nothing is left. Only with --full."""

import pathlib
import subprocess
import sys

import pytest

CLONE = pathlib.Path(__file__).parents[2]
TOOLS = ("debootstrap", "qemu-system-x86_64")


@pytest.mark.full
@pytest.mark.needs("root", *(f"program:{name}" for name in TOOLS))
@pytest.mark.timeout(3600)
def test_a_path_that_was_killed_again_and_again_leaves_nothing():
    if not (CLONE / ".course" / "guest" / "kver").exists():
        pytest.skip("the guest is not prepared: sudo ./course test does it")
    done = subprocess.run(
        [sys.executable, CLONE / "tests" / "newcomer" / "undo.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "0 unexpected differences" in done.stdout

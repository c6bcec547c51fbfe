"""The examples run, leave nothing behind, and print what they promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lane("host", "guest")
FOLDER = Path(__file__).parents[2] / "examples"
PROMISED = {
    "01_private_mount": ["['note']"],
    "02_pivot_root": ["/.. is /: True", "make_root_readonly"],
    "03_safe_path": ["by openat2: root of the image"],
}


def test_every_example_is_promised_here():
    assert sorted(PROMISED) == sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.mark.parametrize("name", PROMISED)
def test_an_example_prints_what_it_says(name):
    before = len(open("/proc/self/mountinfo").readlines()), os.uname().nodename
    done = subprocess.run([sys.executable, FOLDER / f"{name}.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for text in PROMISED[name]:
        assert text in done.stdout
    assert done.stderr == ""
    assert (len(open("/proc/self/mountinfo").readlines()), os.uname().nodename) == before

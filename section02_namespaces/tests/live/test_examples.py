"""The examples run, leave nothing behind, and print what they promise."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lane("host", "guest")
FOLDER = Path(__file__).parents[2] / "examples"
PROMISED = {
    "01_own_hostname": ["box", "outside"],
    "02_pid_one": ["first child is 1", "LCM-NS-02"],
    "03_root_without_root": ["uid 65534", "uid 0 on mine"],
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

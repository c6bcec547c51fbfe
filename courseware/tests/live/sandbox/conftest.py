"""Sandboxes for tests: an exercise that is only its toml, and programs given as text."""

import glob
import json
import os
from textwrap import dedent

import pytest

from courseware.exercises import Exercise, descendants
from courseware.exercises.place import PROGRAM_FOLDERS, interpreter
from courseware.exercises.sandbox import SandboxPlace

TOML = """
schema = 1
id = "proc-inside"
title = "Inside"
section = 1
role = "core"
goal = "Look around."
difficulty = 1
minutes = 5
requires = []
teaches = []
files = ["answer.py"]
entry = "answer.py"
programs = {programs}
needs = {needs}

[limits]
memory = "{memory}"
processes = {processes}
file_size = "{file_size}"

[grading]
points = 1
"""


@pytest.fixture
def exercise(tmp_path):
    """Return a function that makes an exercise; its submission is in the folder ``answer`` beside it."""

    def make(programs=(), needs=(), memory="256M", processes=24, file_size="1M"):
        folder = tmp_path / "inside"
        (folder / "answer").mkdir(parents=True, exist_ok=True)
        (folder / "answer" / "answer.py").write_text("print('the answer')\n")
        lists = {"programs": json.dumps(list(programs)), "needs": json.dumps(list(needs))}
        (folder / "exercise.toml").write_text(
            TOML.format(**lists, memory=memory, processes=processes, file_size=file_size)
        )
        return Exercise.read(folder)

    return make


class Inside:
    """A sandbox, and Python programs run in it."""

    def __init__(self, exercise):
        self.place = SandboxPlace(exercise, exercise.folder / "answer")
        self.outputs = []

    def start(self, source, *args):
        """Start the program ``source``; its output goes to a file of the host, its input is empty."""
        out = os.memfd_create("out")
        self.outputs.append(out)
        environment = {"PATH": PROGRAM_FOLDERS, "PYTHONPATH": self.place.modules, "HOME": self.place.inside}
        with open(os.devnull, "rb") as nothing:
            process = self.place.launch(
                [interpreter(), "-s", "-B", "-c", dedent(source), *args], environment, nothing.fileno(), out, out
            )
        process.out = out
        return process

    def ask(self, source, *args):
        """Run the program ``source`` to its end and return the JSON value that it prints."""
        status, text = self.run(source, *args)
        assert status == 0, text
        return json.loads(text)

    def run(self, source, *args):
        """Run the program ``source`` to its end; return wait status and output."""
        process = self.start(source, *args)
        status = process.wait(60)
        assert status is not None, "it still runs"
        return status, self.text(process)

    def text(self, process):
        """Return what the process has written up to now."""
        return os.pread(process.out, 1 << 20, 0).decode(errors="replace")

    def close(self):
        """End the sandbox."""
        self.place.close()
        for out in self.outputs:
            os.close(out)
        self.outputs = []


def ours():
    """Return what this process has made and not removed: processes, descriptors, mounts, cgroups."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        mounts = {line.split()[4] for line in file}
    cgroups = set(glob.glob(f"/sys/fs/cgroup/**/lcm-ex-{os.getpid()}-*", recursive=True))
    return [{stat.pid for stat in descendants.below([os.getpid()])}, set(os.listdir("/proc/self/fd")), mounts, cgroups]


@pytest.fixture
def nothing_of_ours_left():
    """Count before and after what this process has made; ``no_leaks`` counts the whole machine's."""
    before = ours()
    yield
    assert ours() == before


@pytest.fixture
def inside(exercise, nothing_of_ours_left):
    """Return a function that opens a sandbox for an exercise with such fields; closed, leaks counted, at the end."""
    opened = []

    def make(**fields):
        opened.append(Inside(exercise(**fields)))
        return opened[-1]

    yield make
    for one in opened:
        one.close()

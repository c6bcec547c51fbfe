"""The public surface of section 9, and what loading it costs."""

import pathlib
import subprocess
import sys

import section01_processes
import section09_init

PROJECTS = [str(pathlib.Path(m.__file__).parents[1]) for m in (section01_processes, section09_init)]


def test_surface_is_pinned():
    assert sorted(section09_init.__all__) == [
        "HealthCheck", "RestartPolicy", "STUMBLING_BLOCKS", "reap", "run_init", "serve",
    ]  # fmt: skip
    for name in section09_init.__all__:
        assert getattr(section09_init, name) is not None


def test_no_slow_imports():
    code = f"""import sys
before = set(sys.modules)
sys.path[:0] = {PROJECTS!r}
from section09_init import *
print(*(m for m in set(sys.modules) - before if not m.startswith(("section01_processes", "section09_init"))))
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    allowed = "__future__ _collections_abc _ctypes _stat _struct ctypes ctypes._endian genericpath os os.path posixpath"
    assert set(done.stdout.split()) <= {*allowed.split(), "stat", "struct", "types"}

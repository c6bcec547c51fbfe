"""The fast path stays fast: what the library may load besides itself."""

import pathlib
import subprocess
import sys

import section01_processes

PROJECT = pathlib.Path(section01_processes.__file__).parents[1]
SLOW = {
    *("Actor", "Line", "Stage", "Teller", "wait_until", "Connector", "command_line"),
    *("describe_plan", "describe_step", "explain_lines", "explain_records", "read_records"),
    *("run_tool", "STUMBLING_BLOCKS"),
}
ALLOWED = [
    "__future__",
    "_collections_abc",
    "_ctypes",
    "_json",
    "_socket",
    "_stat",
    "_struct",
    "ctypes",
    "ctypes._endian",
    "errno",
    "fcntl",
    "genericpath",
    "os",
    "os.path",
    "posixpath",
    "stat",
    "struct",
    "types",
]  # struct and types belong to ctypes


def test_no_slow_imports():
    code = f"""import sys
before = set(sys.modules)
sys.path.insert(0, {str(PROJECT)!r})
import section01_processes as s
for name in s.__all__:
    if name not in {SLOW!r}:
        getattr(s, name)
print(*(m for m in set(sys.modules) - before if not m.startswith("section01_processes")))
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= set(ALLOWED)


def test_taking_one_name_loads_one_module():
    code = f"""import sys
sys.path.insert(0, {str(PROJECT)!r})
from section01_processes import signal_number
print(*(m for m in sys.modules if m.startswith("section01_processes.")))
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"section01_processes.errors", "section01_processes.signals"}

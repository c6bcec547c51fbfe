"""What a container's start loads is pinned: each module and each class is time on every start, and memory in each shim.

The modules are those whose byte code each process opens, seen by strace; the classes are those that exist when they
have been imported. If this fails you made every container slower: find out why; then, if it is worth it, regenerate the
pins and say in the commit what they buy:  sudo .venv/bin/python tests/test_import_budget.py
"""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

CLONE = pathlib.Path(__file__).parents[1]
PINS = CLONE / "tests" / "import_budget.json"
TOOLS = CLONE / ".venv" / "bin"
SLOW = {"rich", "pyroute2", "psutil", "asyncio", "aiohttp", "urllib3", "dataclasses", "json", "subprocess", "socket",
        "logging", "tempfile", "shutil", "pathlib", "email", "http", "ssl", "yaml",
        "click", "typing", "re", "enum", "inspect", "contextlib", "threading", "datetime", "sqlite3"}  # fmt: skip
COMMANDS = {
    "minidocker run": ("minidocker", "--root", "{root}", "run", "--rm", "tiny", "true"),
    "minidocker create": ("minidocker", "--root", "{root}", "create", "--name", "budget", "tiny", "true"),
    "minidocker start": ("minidocker", "--root", "{root}", "start", "budget"),
    "minidocker exec": ("minidocker", "--root", "{root}", "exec", "box", "true"),
    "ociman create": ("ociman", "--root", "{oci}", "create", "--bundle", "{bundle}", "budget-oci"),
    "ociman state": ("ociman", "--root", "{oci}", "state", "budget-oci"),
    "ociman start": ("ociman", "--root", "{oci}", "start", "budget-oci"),
    "ociman delete": ("ociman", "--root", "{oci}", "delete", "--force", "budget-oci"),
}
pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "program:strace", "overlay")]
OURS = re.compile(
    rf"{re.escape(str(CLONE))}/(?:section\d\d_\w+|capstone)/project/(.*)/__pycache__/(\w+)\.cpython-\d+\.pyc"
)
THEIRS = re.compile(r"/(?:lib/python3\.\d+|site-packages)/(.*)__pycache__/(\w+)\.cpython-\d+\.pyc")
COUNT = """
import sys, gc
sys.path += {paths!r}
for name in {names!r}:
    __import__(name)
print(sum(isinstance(o, type) for o in gc.get_objects()))
"""


def modules_by_program(folder):
    """Return, per program (cli, shim), the names of our and of others' modules that it opened.

    ``folder``: strace's logs, one per process (a process may be forked from the command and then become the shim).
    """
    found = {}
    for log in folder.iterdir():
        program = "cli"
        for call in log.read_text(errors="replace").splitlines():
            if call.startswith("execve") and call.endswith(" = 0"):
                program = "shim" if "minidocker/shim/__main__" in call else "cli"
            match = re.search(r'openat\(.*?"([^"]+\.pyc)".* = \d+', call)
            if match:
                note_module(*found.setdefault(program, (set(), set())), match[1])
    return found


def note_module(ours, theirs, path):
    """Add the module whose byte code is ``path`` to ours or theirs."""
    mine, other = OURS.match(path), THEIRS.search(path)
    if mine:
        name = f"{mine[1]}/{mine[2]}".replace("/", ".").removesuffix(".__init__")
        if not name.endswith(".errors"):  # loaded when something was not there, which may differ
            ours.add(name)
    elif other:
        name = f"{other[1]}{other[2]}".replace("/", ".").removesuffix(".__init__")
        if not name.startswith("encodings."):
            theirs.add(name.removeprefix("site-packages."))


def count_classes(names):
    """Return how many classes a bare interpreter has after importing ``names``."""
    site = [str(p) for p in (CLONE / ".venv" / "lib").glob("python3*/site-packages")]
    paths = [*map(str, sorted(CLONE.glob("*/project"))), *site]
    code = COUNT.format(paths=paths, names=sorted(names))
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


def measure(root, folder):
    """Run every command under strace; return the pins."""
    bundle = folder / "bundle"
    (bundle / "rootfs").mkdir(parents=True)
    minidocker = [str(TOOLS / "minidocker"), "--root", str(root)]
    layer = next((pathlib.Path(root) / "images" / "layers").glob("*/diff"))
    subprocess.run(["cp", "-a", f"{layer}/.", bundle / "rootfs"], check=True)
    subprocess.run([str(TOOLS / "ociman"), "spec"], cwd=bundle, check=True, stdout=subprocess.DEVNULL)
    config = json.loads((bundle / "config.json").read_text())
    config["process"] |= {"args": ["sleep", "60"], "terminal": False}
    (bundle / "config.json").write_text(json.dumps(config))
    subprocess.run([*minidocker, "run", "-d", "--name", "box", "--network", "none", "tiny", "sleep", "600"], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    names = {"root": str(root), "oci": str(folder / "oci"), "bundle": str(bundle)}
    pins = {}
    try:
        for title, words in COMMANDS.items():
            command = [str(TOOLS / words[0]), *(w.format(**names) for w in words[1:])]
            logs = folder / title.replace(" ", "-")
            logs.mkdir()
            log = logs / "strace"
            follow = ["-ff"] if words[0] == "minidocker" else []  # ociman leaves an init behind, which waits
            trace = ["strace", *follow, "-qq", "-s", "4096", "-e", "trace=openat,execve,execveat", "-o", log, *command]
            subprocess.run(trace, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60)
            for program, (ours, theirs) in modules_by_program(logs).items():
                where = f"{title}: {program}"
                pins[where] = {"modules": sorted(ours), "others": sorted(theirs)}
                pins[where]["classes"] = count_classes(ours | theirs)
    finally:
        subprocess.run([*minidocker, "rm", "-f", "box", "budget"], check=False, capture_output=True)
    return pins


@pytest.fixture(scope="module")
def measured(minidocker, tmp_path_factory):
    return measure(minidocker.root, tmp_path_factory.mktemp("budget"))


def test_our_modules_are_the_pinned_ones(measured):
    pinned = json.loads(PINS.read_text())
    assert {k: v["modules"] for k, v in measured.items()} == {k: v["modules"] for k, v in pinned.items()}


def test_no_more_classes_are_made_than_pinned(measured):
    pinned = json.loads(PINS.read_text())
    same_python = pinned.pop("python", "") == f"{sys.version_info.major}.{sys.version_info.minor}"
    slack = 0 if same_python else 200  # another Python has other classes of its own
    assert {k: v["classes"] for k, v in measured.items() if v["classes"] > pinned[k]["classes"] + slack} == {}


def test_nothing_slow_is_on_the_path(measured):
    for where, entry in measured.items():
        if where.startswith("ociman"):
            continue  # its command line is not on MiniDocker's path
        assert {name.split(".")[0] for name in entry["others"]} & SLOW == set(), where


def test_the_shim_is_lean(measured):
    others = set(measured["minidocker run: shim"]["others"])
    assert others & {"re", "enum", "typing", "signal", "socket", "functools", "click", "sqlite3", "contextlib"} == set()


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        state = os.path.join(place, "state")
        os.mkdir(state)
        subprocess.run([str(TOOLS / "minidocker"), "--root", state, "system", "tiny"], check=True)
        pins = measure(state, pathlib.Path(place))
    PINS.write_text(json.dumps(pins, indent=1, sort_keys=True) + "\n")
    print({k: (len(v["modules"]), len(v["others"]), v["classes"]) for k, v in pins.items()})

"""The unit tests as aarch64, under qemu-user(1): call numbers, structures, seccomp architectures, loaders' paths.

The calls end in this machine's kernel, through the emulator's own tables: numbers and layouts have to be aarch64's to
arrive. What only a kernel of its own can answer, a test says: ``needs("kernel")``; those are counted here, too.
"""

import json
import pathlib
import subprocess

import pytest

from courseware import foreign

CLONE = pathlib.Path(__file__).parents[2]
pytestmark = [
    pytest.mark.lane("host"),
    pytest.mark.needs(*(f"program:{name}" for name in (foreign.EMULATOR, "apt-get", "dpkg-deb"))),
    pytest.mark.timeout(900),
]
#: The sections that hold the tables; the others' tests run with --full.
TABLES = ("section01_processes", "section02_namespaces", "section03_cgroups", "section04_filesystem",
          "section07_security")  # fmt: skip
REST = ("section05_images", "section06_network", "section08_oci", "section09_init", "section10_orchestration",
        "capstone")  # fmt: skip

PROBE = """
import json, os, platform, sys
from section01_processes import raw_getcwd, syscall_number
from section04_filesystem import _syscalls as mounts
from section07_security import _syscalls as security
from section07_security.core.seccomp import NATIVE

proc = os.open("/proc", os.O_PATH)
facts = {
    "machine": [platform.machine(), os.uname().machine, sys.implementation._multiarch],
    "pivot_root": syscall_number("pivot_root"),
    "cwd": raw_getcwd() == os.getcwdb(),
    "procfs": mounts.filesystem_type(proc),
    "capabilities": security.capget()[0] == int(open("/proc/self/status").read().split("CapEff:")[1].split()[0], 16),
    "seccomp": NATIVE[os.uname().machine],
}
print(json.dumps(facts))
"""


@pytest.fixture(scope="module")
def land():
    try:
        return foreign.user_land(CLONE)
    except foreign.NoSuchPackages as error:
        pytest.skip(f"not runnable here: {error}")


def test_it_is_aarch64(land):
    command = [land.python, "-c", PROBE]
    done = subprocess.run(command, env=land.environment(), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == {
        "machine": ["aarch64", "aarch64", "aarch64-linux-gnu"],
        "pivot_root": 41,  # 155 on x86_64
        "cwd": True,
        "procfs": 0x9FA0,
        "capabilities": True,
        "seccomp": "SCMP_ARCH_AARCH64",
    }


def run(land, folder, sections):
    """Run the sections' unit tests there; return {test: outcome}."""
    report = folder / "report.json"
    command = [
        *(land.python, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", f"--basetemp={folder}/base"),
        *("-p", "courseware.pytest_plugin", "-p", "courseware.emulated", "-p", "pytest_timeout", "--timeout=300"),
        *("--lane=host", "--emulated=aarch64", f"--lane-report={report}"),
        *(f"{section}/tests/unit" for section in sections),
    ]
    done = subprocess.run(command, cwd=CLONE, env=land.environment(), capture_output=True, text=True, errors="replace",
                          check=False)  # fmt: skip
    advice = 'a unit test that needs a kernel of its own says so: @pytest.mark.needs("kernel")'
    assert done.returncode == 0, f"{done.stdout[-6000:]}{done.stderr[-2000:]}\n{advice}"
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert [line for line in skipped if "an emulator runs this" not in line] == []
    print(done.stdout.splitlines()[-1])
    return {name: entry["outcome"] for name, entry in json.loads(report.read_text()).items()}


def check(outcomes, sections):
    """Require that each section's tests have passed, but for a few that said what they need."""
    for section in sections:
        found = [outcome for name, outcome in outcomes.items() if name.startswith(f"{section}/")]
        passed, skipped = found.count("passed"), found.count("skipped")
        assert passed + skipped == len(found)
        assert passed > 5
        assert skipped <= passed / 5, f"{section}: {skipped} of {len(found)} unit tests need a kernel of their own"


def test_unit_tests_of_the_sections_with_tables_pass(land, tmp_path):
    check(run(land, tmp_path, TABLES), TABLES)


@pytest.mark.full
def test_all_other_unit_tests_pass(land, tmp_path):
    check(run(land, tmp_path, REST), REST)

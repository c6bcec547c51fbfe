"""A runtime that is root of a user namespace only, as a rootless shim is: devices are bound, cgroups optional."""

import os
import subprocess
import sys

import pytest

from section01_processes import format_json

pytestmark = pytest.mark.lane("host", "guest")

PROGRAM = """
import os, sys
from section01_processes import set_dumpable
from section02_namespaces import CLONE_NEWNS, CLONE_NEWUSER, IdMap, unshare, write_id_maps
os.setgroups([])
os.setresgid(1234, 1234, 1234)
os.setresuid(1234, 1234, 1234)
set_dumpable(1)  # setuid(2) took it, and with it our own /proc/self
unshare(CLONE_NEWUSER)
write_id_maps(0, [IdMap(0, 1234, 1)], [IdMap(0, 1234, 1)])
unshare(CLONE_NEWNS)
from section08_oci import Bundle, Options, create, start, delete
folder = sys.argv[1]
made = create(Bundle(folder), Options("x", folder + "/mine"))
start(folder + "/mine")
code = made.child.wait()
delete(folder + "/mine", force=True)
sys.exit(code)
"""


def test_a_container_of_an_ordinary_users_user_namespace(box):
    os.mkdir(f"{box.folder}/mine")
    for folder, _, names in os.walk(box.folder):
        for path in (folder, *(f"{folder}/{name}" for name in names)):
            os.lchown(path, 1234, 1234)
    box.process["args"] = [
        "sh",
        "-c",
        "id -u; echo $$; echo x > /dev/null; ls -l /dev/null | grep -c ^c; hostname; exit 3",
    ]
    box.spec["mounts"] = [m for m in box.spec["mounts"] if m["type"] != "cgroup"]
    for mount in box.spec["mounts"]:
        mount["options"] = [option for option in mount["options"] if option != "gid=5"]
    box.spec["linux"]["resources"]["memory"] = {"limit": 1 << 26}
    with open(f"{box.folder}/config.json", "w") as file:
        file.write(format_json(box.spec))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, box.folder],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode, done.stdout) == (3, "0\n1\n1\nociman\n"), done.stderr
    assert not os.path.exists(f"{box.folder}/mine/state.json")

"""A shim and what lies around it: a network, an ordinary user, what it loads, what its plans say."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from minidocker import shimclient
from minidocker.shim.container import plan_shim
from minidocker.shim.launch import package_path
from section01_processes import PROCESSES, RECORD, describe_plan, parse_json

pytestmark = pytest.mark.lane("host", "guest")

#: Not on the shim's path: they cost milliseconds at every start, and memory in every shim.
HEAVY = {"click", "sqlite3", "json", "dataclasses", "typing", "signal", "socket", "re", "enum", "subprocess",
         "contextlib", "collections", "pathlib", "tempfile", "shutil", "logging", "hashlib", "threading"}  # fmt: skip


def in_child(code, *arguments, command=()):
    """Run Python ``code`` in a process of its own (by ``command``); return what it printed."""
    script = textwrap.dedent(code)
    done = subprocess.run(
        [*command, sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


START = """
    import os, sys, fcntl
    from minidocker import shimclient
    from minidocker.shim import protocol as p
    folder = sys.argv[1]
    lock = os.open(folder + "/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    connection = shimclient.start_shim(folder, lock, first=shimclient.attach_frame(7))
    os.close(lock)
    shimclient.wait_started(connection)
    while frame := connection.receive()[:2]:
        if frame[0] == 0:
            break
        os.write(1, frame[1] if frame[0] != p.EXIT else b"exit %d" % frame[1][0])
"""


@pytest.mark.lane("host")  # the guest's nft knows the bridge family only
def test_bridge_address_hosts_file_and_release(box):
    """In a network namespace of the test's own: the machine's stays as it is."""
    script = "ip -4 addr show eth0 | grep -o '172[0-9.]*/16'; grep webby /etc/hosts; cat /etc/hostname"
    one = box(["sh", "-c", script], network={"mode": "bridge", "network": "bridge", "ports": []}, etc_files=True,
              hostname="webby")  # fmt: skip
    out = in_child(START, one.folder, command=("unshare", "--net", "--mount"))
    address = one.status["address"]
    assert out.splitlines() == [f"{address}/16", f"{address}\twebby", "webby", "exit 0"]
    assert os.listdir(f"{one.config['root']}/networks/bridge/leases") == []


@pytest.mark.needs("userns")
def test_an_ordinary_user_runs_a_container(box, layer, tmp_path):
    one = box(["sh", "-c", "id -u; cat /proc/self/uid_map; touch /new && echo wrote"], uid_maps=[[0, 1234, 1]],
              gid_maps=[[0, 1234, 1]])  # fmt: skip
    spec = parse_json(one.read("config.json"))
    spec["mounts"] = [m for m in spec["mounts"] if m["type"] != "cgroup"]
    for mount in spec["mounts"]:
        mount["options"] = [o for o in mount["options"] if not o.startswith("gid=")]
    own = tmp_path / "own-layer"
    subprocess.run(["cp", "-a", str(layer), str(own)], check=True)
    one.config["lower"] = [str(own)]
    from section01_processes import format_json

    one.write("shim.json", format_json(one.config))
    one.write("config.json", format_json(spec))
    subprocess.run(["chown", "-R", "1234:1234", str(own), str(tmp_path / "containers")], check=True)
    path = str(tmp_path)
    while path != "/":
        os.chmod(path, os.stat(path).st_mode | 0o055)
        path = os.path.dirname(path)
    user = ("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups")
    out = in_child(START, one.folder, command=user)
    assert out.split() == ["0", "0", "1234", "1", "wrote", "exit", "0"]


def test_nothing_heavy_is_loaded():
    """What a shim has loaded when its container runs, from inside an interpreter started as the shim's is."""
    code = """
        import sys
        sys.path[:0] = sys.argv[1].split(":")
        from section08_oci import default_spec
        import minidocker.shim.main, minidocker.shim.execs, minidocker.shim.memory
        from minidocker.shim.container import plan_shim
        from minidocker.shim.release import plan_release
        config = {"id": "a" * 64, "root": "/r", "lower": ["/l"], "network": {"mode": "bridge", "ports": ["80:80"]},
                  "cgroup": "/minidocker/a", "shim_cgroup": "/minidocker/a.shim", "etc_files": True, "init": True}
        plan_shim("/r/containers/a", config, default_spec())
        plan_release("/r/containers/a", "a", config)
        print(*sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", textwrap.dedent(code), ":".join(package_path())],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) & HEAVY == set()


def test_records_fit_the_plans_that_a_dry_run_prints(box):
    one = box(["true"], etc_files=True)
    plans = plan_shim(one.folder, one.config, parse_json(one.read("config.json")))
    lines = [line for plan in plans.values() for line in describe_plan(plan)]
    assert all(line.strip() for line in lines)
    reader, writer = os.pipe()
    with one.start(record_fd=writer) as connection:
        os.close(writer)
        shimclient.wait_started(connection)
        connection.wait_end()
    with open(reader, "rb") as pipe:
        records = list(RECORD.iter_unpack(pipe.read()))
    for name in ("shim", "child", "init"):
        numbers = [number for process, number, errno, _, _ in records if PROCESSES[process] == name]
        expected = len(plans[name].steps) - (name == "init")  # the init's last step is execve: nobody is left to tell
        assert numbers in (list(range(expected)), list(range(expected - 1))), name
    assert not [errno for _, _, errno, _, _ in records if errno]

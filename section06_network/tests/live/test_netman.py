"""The tool, as a learner runs it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from section06_network import port_owner

pytestmark = pytest.mark.lane("host")
TOOL = str(pathlib.Path(sys.executable).parent / "netman")


def test_attach_look_release(in_world):
    @in_world
    def story(world):
        def netman(*words, status=0):
            done = subprocess.run([TOOL, "--root", world.folder, *words], capture_output=True, text=True)
            assert done.returncode == status, done.stderr
            assert "Traceback" not in done.stderr
            return done.stdout if status == 0 else done.stderr

        before = world.snapshot()
        space = f"/proc/{os.getpid()}/fd/{world.namespace()}"
        assert "<address from 172.29.0.0/16>" in netman("attach", "web", "--netns", space, "-p", "8080:80", "--dry-run")
        assert world.snapshot() == before
        assert netman("attach", "web", "--netns", space) == "web: 172.29.0.2/16 via 172.29.0.1 on mdk0\n"
        assert "already" in netman("attach", "web", "--netns", space, status=125)
        assert json.loads(netman("leases", "--json")) == [
            {"network": "bridge", "address": "172.29.0.2", "owner": "web"}
        ]
        inside = {link["name"]: link for link in json.loads(netman("links", space, "--json"))}
        assert inside["eth0"]["addresses"] == ["172.29.0.2/16"]
        assert all(finding["state"] != "missing" for finding in json.loads(netman("doctor", "--json")))
        subprocess.run("echo 0 > /proc/sys/net/ipv4/ip_forward", shell=True, check=True)
        broken = subprocess.run([TOOL, "--root", world.folder, "doctor"], capture_output=True, text=True)
        assert (broken.returncode, "LCM-NET-01" in broken.stdout) == (1, True)
        netman("reload")
        netman("doctor")
        subprocess.run("nft flush ruleset; ip link set mdk0 down", shell=True, check=True)
        broken = subprocess.run([TOOL, "--root", world.folder, "doctor"], capture_output=True, text=True).stdout
        assert [line.split()[1] for line in broken.splitlines() if line.startswith("missing")] == ["bridge", "rules"]
        netman("reload")
        netman("doctor")
        subprocess.run("ip link del mdv$(ip -br link | sed -n 's/^mdv\\([^@]*\\).*/\\1/p')", shell=True, check=True)
        assert (
            "netman release web"
            in subprocess.run([TOOL, "--root", world.folder, "doctor"], capture_output=True, text=True).stdout
        )
        assert "last endpoint" in netman("release", "web", "--dry-run")
        netman("release", "web")
        netman("release", "web")
        assert world.snapshot() == before


def test_a_failed_attach_leaves_nothing_and_the_hosts_own_namespace_is_refused(in_world):
    @in_world
    def story(world):
        before = world.snapshot()
        words = [TOOL, "--root", world.folder, "attach", "web", "--netns", str(os.getpid())]
        done = subprocess.run(words, capture_output=True, text=True)
        assert (done.returncode, "the host's own" in done.stderr) == (125, True)
        assert world.snapshot() == before


def test_holding_ports_until_the_end(in_world, eventually):
    @in_world
    def story(world):
        before = world.snapshot()
        space = world.namespace()
        words = ["attach", "web", "--netns", f"/proc/{os.getpid()}/fd/{space}", "-p", "8080:80", "--hold"]
        with subprocess.Popen([TOOL, "--root", world.folder, *words], stdout=subprocess.PIPE, text=True) as tool:
            assert tool.stdout.readline().startswith("web: 172.29.0.2/16")
            assert port_owner(8080, "tcp").startswith(f"{tool.pid} ")
            web = world.listen(space, 80)
            assert world.talk(world.internet, ("203.0.113.1", 8080), web) == "203.0.113.2"
            tool.terminate()
        assert tool.returncode == 0
        eventually(lambda: world.snapshot() == before)

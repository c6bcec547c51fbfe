"""Beside a running dockerd, and compared with it: networks, published ports, capability sets, seccomp.

Everything happens in a network and mount namespace of its own: this machine's links and rules are not touched.
"""

import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

import pytest

CLONE = pathlib.Path(__file__).parents[2]
pytestmark = [
    pytest.mark.lane("host"),
    pytest.mark.needs("root", "nft", "program:dockerd", "program:iptables"),
    pytest.mark.timeout(240),
]
sys.path.insert(0, str(CLONE / "bench"))

PAGE = "mkdir -p /www; echo hello > /www/index.html; exec httpd -f -p 80 -h /www"


def in_a_network_of_its_own(body, *arguments):
    """Run this file's function ``body`` in a child with its own network and mounts; fail with its output."""
    command = ["unshare", "--net", "--mount", sys.executable, __file__, body, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]


@pytest.mark.parametrize("order", ["docker first", "docker second"])
@pytest.mark.parametrize("bridge_nf", ["0", "1"])
def test_published_ports_beside_a_dockerd(short_folder, order, bridge_nf):
    folder = short_folder / f"{order[7:]}{bridge_nf}"
    folder.mkdir()
    in_a_network_of_its_own("ports", folder, order, bridge_nf)


def test_capabilities_and_seccomp_equal_dockers(short_folder):
    folder = short_folder / "equal"
    folder.mkdir()
    in_a_network_of_its_own("equal", folder)


# ---- what runs in the child -----------------------------------------------------------------------------------------


def host(outside_too):
    """Make this namespace a machine: loopback, an address, and a machine outside that is reached through it."""
    run("ip", "link", "set", "lo", "up")
    if not outside_too:
        return
    run("ip", "netns", "add", "outside")
    run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", "outside")
    run("ip", "address", "add", "192.0.2.1/24", "dev", "up0")
    run("ip", "link", "set", "up0", "up")
    for words in (
        ("link", "set", "lo", "up"),
        ("address", "add", "192.0.2.2/24", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
    ):
        run("ip", "-n", "outside", *words)


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60)
    if check and done.returncode:
        raise SystemExit(f"{command}: {done.stdout}{done.stderr}")
    return done


def get(url, prefix=()):
    """Fetch ``url``, patiently; from the namespace of ``prefix``."""
    end = time.monotonic() + 60
    while True:
        try:
            if prefix:
                code = f"import urllib.request as u; print(u.urlopen({url!r}, timeout=10).read().decode())"
                done = run(*prefix, sys.executable, "-c", code, check=False)
                if done.returncode == 0:
                    return done.stdout.strip()
                raise OSError(done.stderr)
            return urllib.request.urlopen(url, timeout=10).read().decode().strip()
        except OSError as error:
            if time.monotonic() > end:
                raise SystemExit(f"{url} from {prefix or 'the host'}: {error}") from error
            time.sleep(0.1)


def wait_for_listener(netns, port):
    """Wait until somebody listens on ``port`` in the named namespace: state 0A in /proc/net/tcp and tcp6 (proc(5))."""
    end = time.monotonic() + 60
    while True:
        lines = run("ip", "netns", "exec", netns, "cat", "/proc/net/tcp", "/proc/net/tcp6").stdout.splitlines()
        if any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in map(str.split, lines)):
            return
        assert time.monotonic() < end, f"nobody listens on port {port}"
        time.sleep(0.05)


def peers(folder):
    from peers import Docker, MiniDocker, busybox_tar

    folder = pathlib.Path(folder)
    ours, docker = MiniDocker(folder / "ours"), Docker(folder / "docker")
    ours.folder.mkdir()
    return ours, docker, busybox_tar(folder)


def ports(folder, order, bridge_nf):
    """A published port answers from everywhere, and the container gets out, whoever came first."""
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "tmpfs", "netns", "/run/netns") if os.path.isdir("/run/netns") else None
    host(outside_too=True)
    ours, docker, tar = peers(folder)
    rules_before = run("nft", "list", "ruleset").stdout
    if order == "docker first":
        docker.start(tar)
        rules_before = run("nft", "list", "ruleset").stdout
    ours.start(tar)
    web = ("run", "-d", "--name", "web", "-p", "8080:80", "bench:latest", "/bin/sh", "-c", PAGE)
    ours.call(*web)
    if order == "docker second":
        docker.start(tar)
    pathlib.Path("/proc/sys/net/bridge/bridge-nf-call-iptables").write_text(bridge_nf)
    try:
        for url in ("http://127.0.0.1:8080/", "http://192.0.2.1:8080/"):
            assert get(url) == "hello", url
        assert get("http://192.0.2.1:8080/", ("ip", "netns", "exec", "outside")) == "hello"

        def inside(where, host, port):
            """Fetch from inside a container, with nc: a static busybox's wget stumbles over getaddrinfo."""
            script = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 20 {host} {port} | tail -n 1"
            return ours.call(*where, "/bin/sh", "-c", script).stdout.strip()

        another, itself = ("run", "--rm", "bench:latest"), ("exec", "web")
        address = json.loads(ours.call("inspect", "web").stdout)[0]["NetworkSettings"]["IPAddress"]
        assert inside(another, address, 80) == "hello"
        assert inside(another, "192.0.2.1", 8080) == "hello"
        assert inside(itself, "192.0.2.1", 8080) == "hello"
        server = subprocess.Popen(["ip", "netns", "exec", "outside", "busybox", "nc", "-l", "-p", "99"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
        wait_for_listener("outside", 99)
        ours.call("run", "--rm", "bench:latest", "/bin/sh", "-c", "echo through | nc -w 10 192.0.2.2 99")
        assert server.communicate(timeout=60)[0] == b"through\n"
        assert docker.call("run", "--rm", "bench:latest", "/bin/echo", "docker lives").stdout == "docker lives\n"
    finally:
        ours.call("rm", "-f", "web")
        docker.stop()
    if order == "docker first":
        assert run("nft", "list", "ruleset").stdout.count("lcm") == rules_before.count("lcm") == 0
    assert "mdk0" not in os.listdir("/sys/class/net")


def equal(folder):
    """/proc/self/status shows the same capability sets, seccomp mode and no_new_privs under both.

    Not --privileged: without CAP_SYS_RESOURCE docker refuses it here, where we warn.
    """
    run("mount", "--make-rprivate", "/")
    host(outside_too=False)
    ours, docker, tar = peers(folder)
    docker.start(tar)
    ours.start(tar)
    try:
        for options in ((), ("--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE"), ("-u", "1000"),
                        ("--security-opt", "no-new-privileges"), ("--security-opt", "seccomp=unconfined")):  # fmt: skip
            command = ("run", "--rm", "--network", "none", *options, "bench:latest", "/bin/grep", "-E",
                       "^(Cap|Seccomp:|NoNewPrivs|Uid|Gid|Groups)", "/proc/self/status")  # fmt: skip
            theirs, mine = docker.call(*command).stdout, ours.call(*command).stdout
            assert mine == theirs, f"{options}:\n{theirs}\n{mine}"
    finally:
        docker.stop()


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])

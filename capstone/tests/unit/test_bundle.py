"""The whole translation: config.json, shim.json, and what inspect shows."""

from __future__ import annotations

import pytest

from minidocker.errors import BadOption
from minidocker.options import Options
from minidocker.paths import StateRoot
from minidocker.translate.bundle import Catalogue, log_object, restart_policy, translate
from minidocker.translate.facts import Facts
from minidocker.translate.view import port_list, view

ID = "abcdef0123456789" * 4
IMAGE = {"Cmd": ["/bin/sh"], "Volumes": {"/data": {}}, "ExposedPorts": {"80/tcp": {}, "90": {}}, "User": "app"}


def seccomp(profile, capabilities):
    return {"profile": profile or "default", "capabilities": len(capabilities)}


def done(options, *, env=(), image=IMAGE, uid=0):
    facts = Facts(StateRoot("/root"), ID, uid=uid, gid=uid, host_name="host")
    catalogue = Catalogue(["CAP_A", "CAP_B"], ["CAP_A"], ["/m"], ["/r"], seccomp, lambda path: [])
    return translate(options, list(env), image, ["/l1", "/l2"], facts, catalogue)


def test_the_plain_case():
    out = done(Options("img"))
    assert out.spec["process"]["args"] == ["/bin/sh"]
    assert out.spec["process"]["capabilities"]["bounding"] == ["CAP_A"]
    assert {n["type"] for n in out.spec["linux"]["namespaces"]} == {"mount", "pid", "ipc", "uts", "cgroup", "network"}
    assert out.spec["linux"]["seccomp"] == {"profile": "default", "capabilities": 1}
    assert out.spec["hostname"] == ID[:12]
    assert out.spec["root"] == {"path": "rootfs", "readonly": False}
    assert out.shim["lower"] == ["/l1", "/l2"]
    assert out.shim["user"] == "app"
    assert out.shim["network"]["mode"] == "bridge"
    assert len(out.shim["network"]["host_if"]) < 16  # IFNAMSIZ


def test_the_image_s_volume_is_anonymous_named_after_the_container_and_copied_up():
    out = done(Options("img"))
    ((name, anonymous),) = out.volumes
    assert anonymous
    assert len(name) == 64
    assert name.startswith(ID[:56])
    source = f"/root/volumes/{name}/_data"
    assert out.shim["volumes"] == [{"source": source, "target": "/data", "copy": True}]
    assert out.shim["anonymous_volumes"] == [source]
    assert out.spec["mounts"][-1]["source"] == source


def test_three_files_of_etc_unless_the_user_has_his_own():
    targets = [m["destination"] for m in done(Options("img", volume=("/h:/etc/hosts",))).spec["mounts"]]
    assert targets.count("/etc/hosts") == 1
    assert {"/etc/hostname", "/etc/resolv.conf"} <= set(targets)


def test_a_mount_over_a_kernel_file_system_replaces_it():
    mounts = [m for m in done(Options("img", tmpfs=("/dev/shm",))).spec["mounts"] if m["destination"] == "/dev/shm"]
    assert [m["options"] for m in mounts] == [["noexec", "nosuid", "nodev", "rw"]]


def test_privileged():
    out = done(Options("img", privileged=True))
    assert "seccomp" not in out.spec["linux"]
    assert out.spec["process"]["capabilities"]["effective"] == ["CAP_A", "CAP_B"]
    assert out.spec["linux"]["maskedPaths"] == []


def test_network_modes():
    host = done(Options("img", network="host"))
    assert "network" not in {n["type"] for n in host.spec["linux"]["namespaces"]}
    assert (host.spec["hostname"], host.shim["hostname"]) == ("", "host")
    joined = done(Options("img", network="container:web"))
    assert joined.join == "web"
    assert not joined.shim["etc_files"]
    assert not [m for m in joined.spec["mounts"] if m["destination"].startswith("/etc/")]


def test_rootless_has_id_maps_and_no_network():
    out = done(Options("img"), uid=1000)
    assert out.shim["network"]["mode"] == "none"
    assert out.shim["uid_maps"] == [[0, 1000, 1]]
    assert {"type": "user"} not in out.spec["linux"]["namespaces"]  # the shim is in it already, with everything


def test_the_environment_never_prints():
    out = done(Options("img"), env=["TOKEN=s3cret"])
    assert "TOKEN=s3cret" in out.spec["process"]["env"]
    assert "s3cret" not in repr(out) + repr(out.spec) + repr(out.shim)


def test_stdin_and_terminal():
    shim = done(Options("img", interactive=True, tty=True)).shim
    assert (shim["tty"], shim["open_stdin"], shim["stdin_once"]) == (True, True, True)
    assert not done(Options("img", interactive=True, detach=True)).shim["stdin_once"]


def test_log_and_restart():
    assert log_object(Options("i", log_opt=("max-size=10k", "max-file=3")))["max_size"] == 10240
    assert restart_policy(Options("i", restart="on-failure:3")) == "on-failure:3"
    for bad in ({"restart": "sometimes"}, {"restart": "always:3"}, {"restart": "always", "rm": True}):
        with pytest.raises(BadOption, match="--restart"):
            restart_policy(Options("i", **bad))
    for bad in (("max-size=x",), ("max-file=0",), ("labels=a",)):
        with pytest.raises(BadOption, match="--log-opt"):
            log_object(Options("i", log_opt=bad))


def test_what_inspect_shows():
    options = Options("img", ("ls",), memory="64m", publish=("8080:80",), label=("a=b",), volume=("/x:/y:ro",))
    out = done(options, env=["A=1"])
    shown = view(options, ["A=1"], IMAGE, out)
    assert (shown["Path"], shown["Args"]) == ("ls", [])
    assert shown["HostConfig"]["Memory"] == 64 << 20
    assert shown["HostConfig"]["PortBindings"] == {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    assert shown["Config"]["Labels"] == {"a": "b"}
    assert shown["Config"]["Env"][-1] == "A=1"
    assert not any(e.startswith("HOSTNAME=") for e in shown["Config"]["Env"])
    assert [(m["Type"], m["Destination"], m["RW"]) for m in shown["Mounts"]] == [
        ("bind", "/y", False),
        ("volume", "/data", True),
    ]
    assert port_list(out, IMAGE) == [["80/tcp", "0.0.0.0", 8080], ["90/tcp", "", 0]]

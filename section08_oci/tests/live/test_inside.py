"""What a program finds inside: user, capabilities, seccomp, limits, file system, terminal."""

import os

import pytest

from section07_security import CapabilitySets, SeccompProfile, docker_seccomp_profile, mask_of
from section08_oci import Bundle, InsideError

pytestmark = pytest.mark.lane("host", "guest")


def field(pid, name):
    with open(f"/proc/{pid}/status") as file:
        return next(line.split(":", 1)[1].split() for line in file if line.startswith(name + ":"))


def test_capability_sets_are_the_specs(box):
    pid = box.up("sleep", "100").pid
    names = box.process["capabilities"]["bounding"]
    want = mask_of(names)
    assert CapabilitySets.of(pid) == CapabilitySets(bounding=want, effective=want, permitted=want)


def test_an_ordinary_user_has_groups_and_keeps_only_ambient_capabilities(box):
    box.process["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 0o27}
    kept = ["CAP_NET_BIND_SERVICE"]
    box.process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted", "inheritable", "ambient"), kept)
    pid = box.up("sleep", "100").pid
    assert field(pid, "Uid") == ["1000"] * 4
    assert field(pid, "Gid") == ["1001"] * 4
    assert field(pid, "Groups") == ["5", "6"]
    assert field(pid, "Umask") == ["0027"]
    assert CapabilitySets.of(pid) == CapabilitySets(*[mask_of(kept)] * 5)


@pytest.mark.parametrize("nnp", [False, True])
def test_seccomp_filters_with_and_without_no_new_privileges(box, nnp):
    names = box.process["capabilities"]["bounding"]
    box.spec["linux"]["seccomp"] = SeccompProfile.parse(docker_seccomp_profile()).resolve(names)
    box.process["noNewPrivileges"] = nnp
    pid = box.up("sleep", "100").pid
    assert field(pid, "Seccomp") == ["2"]
    assert field(pid, "NoNewPrivs") == [str(int(nnp))]


def test_resource_limits_and_sysctls(box):
    box.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 5, "hard": 200}]
    box.spec["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "4096"}
    code, text = box.run("sh", "-c", "ulimit -n; ulimit -Hn; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax")
    assert (code, text) == (0, "5\n200\n1\n4096\n")


def test_a_read_only_root_and_masked_paths(box):
    box.spec["root"]["readonly"] = True
    code, text = box.run(
        "sh", "-c", "touch /x || echo ro; wc -c < /proc/keys; echo 1 > /proc/sys/kernel/panic || echo ro"
    )
    assert code == 0
    assert [line for line in text.splitlines() if "can't" not in line and "touch" not in line] == ["ro", "0", "ro"]


def test_a_missing_working_directory_is_made(box):
    box.process["cwd"] = "/srv/data"
    assert box.run("pwd") == (0, "/srv/data\n")


def test_a_new_user_namespace_maps_root_to_somebody_else(box):
    box.spec["linux"]["namespaces"].append({"type": "user"})
    for key in ("uidMappings", "gidMappings"):
        box.spec["linux"][key] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    for folder, _, names in os.walk(box.rootfs):
        for path in (folder, *(f"{folder}/{name}" for name in names)):
            os.lchown(path, 100000, 100000)
    made = box.up("sh", "-c", "id -u; sleep 100")
    assert field(made.pid, "Uid") == ["100000"] * 4
    with open(f"/proc/{made.pid}/uid_map") as file:
        assert file.read().split() == ["0", "100000", "65536"]


def test_a_terminal_is_the_containers_own_and_of_the_wanted_size(box):
    box.process["terminal"] = True
    made = box.create(
        "sh", "-c", "tty; stty size; test /dev/console -ef /dev/pts/0 && echo console", console_size=(40, 120)
    )
    from section08_oci import start

    start(box.state_dir)
    text = b""
    while True:
        try:
            text += os.read(made.console, 1024)
        except OSError:  # EIO: the last slave is closed
            break
    os.close(made.console)
    assert text.split() == [b"/dev/pts/0", b"40", b"120", b"console"]


def test_a_config_that_cannot_work_is_refused_before_anything_is_done(box):
    box.spec["linux"]["sysctl"] = {"vm.swappiness": "1"}
    from section08_oci import SpecError

    with pytest.raises(SpecError, match="would change the host"):
        box.create("true")
    assert os.listdir(box.state_dir) == []


def test_what_goes_wrong_inside_arrives_with_its_reason(box):
    box.spec["mounts"].append({"destination": "/data", "type": "bind", "source": "/nonesuch", "options": ["rbind"]})
    with pytest.raises(InsideError) as error:
        box.create("true")
    assert error.value.errno == 2
    assert "/nonesuch" in str(error.value)
    assert "while init did step" in error.value.__notes__[0]


def test_a_relative_bind_source_is_taken_from_the_bundle(box):
    os.mkdir(f"{box.folder}/stuff")
    with open(f"{box.folder}/stuff/a", "w") as file:
        file.write("here")
    box.spec["mounts"].append({"destination": "/data", "type": "bind", "source": "stuff", "options": ["bind"]})
    assert Bundle(box.folder, box.spec).folder == box.folder
    assert box.run("cat", "/data/a") == (0, "here")


def test_capabilities_that_the_runtime_lacks_are_left_out_with_a_warning(box, capfd):
    from section07_security import mask_of as mask

    everything = ["ALL"]
    box.process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), everything)
    own = CapabilitySets.of()
    pid = box.up("sleep", "100").pid
    assert CapabilitySets.of(pid).permitted == own.permitted
    assert ("capabilities that this runtime does not have" in capfd.readouterr().err) is bool(
        mask(everything) & ~own.permitted
    )

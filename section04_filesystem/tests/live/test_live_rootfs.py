"""A container's root on the real kernel: built in a child with namespaces of its own, judged from inside."""

import errno
import os
import shutil
import stat

import pytest

from section01_processes import Plan, Slot, Step
from section02_namespaces import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    IdMap,
    unshare,
    write_id_maps,
)
from section03_cgroups import Hierarchy
from section04_filesystem import (
    ROOT,
    CgroupLayout,
    MountTable,
    bind,
    bind_descriptor,
    mount,
    open_proc,
    pivot_root,
    plan_pivot,
    plan_private_mounts,
    plan_root_mounts,
    plan_rootfs,
    set_propagation,
    umount,
    write_proc,
)

pytestmark = pytest.mark.lane("host", "guest")
ME = ([IdMap(0, os.geteuid(), 1)], [IdMap(0, os.getegid(), 1)])  # before unshare: after it we are nobody
NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP
SAFE = ["nosuid", "noexec", "nodev"]
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": SAFE},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": [*SAFE, "mode=1777", "size=1m"]},
    {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": SAFE},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*SAFE, "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": [*SAFE, "relatime", "ro"]},
]  # fmt: skip


@pytest.fixture
def root(tmp_path):
    place = tmp_path / "root"
    (place / "etc").mkdir(parents=True)
    os.chmod(tmp_path, 0o755)
    return place


@pytest.fixture
def inside(in_child, root):
    """Return a function: run the plan in an init of its own, then ``look``, and return what that returns."""
    table = MountTable.of()

    def build(look, mounts=(), *, user=False, prepare=None, **options):
        layout = CgroupLayout.of(Hierarchy.detect())

        def init():
            if prepare:
                set_propagation("/", "rprivate")
                prepare()
            Plan("init", plan_rootfs(str(root), mounts, userns=user, cgroup_layout=layout, **options)).run({})
            return look()

        def child():
            unshare(NAMESPACES | (CLONE_NEWUSER if user else 0))
            if user:
                write_id_maps(0, *ME)
            return in_child(init)

        return in_child(child)

    yield build
    assert len(MountTable.of()) == len(table)  # nothing travelled out


def seen():
    """Return target → [type, flags, data, propagation] of what is mounted."""
    proc = os.open("/proc", os.O_PATH) if os.path.exists("/proc/self") else open_proc()
    with open(os.open(f"{os.getpid()}/mountinfo", os.O_RDONLY, dir_fd=proc)) as file:
        table = MountTable.parse(file.read())
    return {m.target: [m.fstype, sorted(m.flags), m.data, m.propagation] for m in table}


@pytest.mark.parametrize("user", [False, True], ids=["root", "userns"])
def test_the_usual_mounts_are_there_with_their_flags(inside, user):
    found = inside(seen, MOUNTS, user=user, readonly=True, propagation="rprivate")
    assert found["/proc"][:2] == ["proc", ["nodev", "noexec", "nosuid", "relatime", "rw"]]
    assert found["/dev"][:2] == ["tmpfs", ["nosuid", "rw"]]
    assert found["/dev/pts"][0] == "devpts"
    assert found["/dev/shm"][:2] == ["tmpfs", ["nodev", "noexec", "nosuid", "relatime", "rw"]]
    assert found["/dev/mqueue"][0] == "mqueue"
    assert found["/sys"][:2] == ["sysfs", ["nodev", "noexec", "nosuid", "relatime", "ro"]]
    assert "ro" in found["/"][1]
    assert {entry[3] for entry in found.values()} == {"private"}
    groups = {target: entry for target, entry in found.items() if target.startswith("/sys/fs/cgroup")}
    assert all("ro" in entry[1] for entry in groups.values())
    assert {"cgroup", "cgroup2"} & {entry[0] for entry in groups.values()}
    assert not [target for target in found if target.startswith(("/work", "/mnt", "/tmp"))]  # the host is gone


def test_devices_and_links_in_dev(inside):
    def look():
        devices = {}
        for name in os.listdir("/dev"):
            status = os.lstat(f"/dev/{name}")
            if stat.S_ISCHR(status.st_mode):
                devices[name] = (os.major(status.st_rdev), os.minor(status.st_rdev), stat.S_IMODE(status.st_mode))
            elif stat.S_ISLNK(status.st_mode):
                devices[name] = os.readlink(f"/dev/{name}")
        master, _ = os.openpty()
        return devices, os.stat(f"/proc/self/fd/{master}").st_dev == os.stat("/dev/pts/ptmx").st_dev

    fuse = {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o600}
    os.umask(0o077)
    try:
        devices, own_pty = inside(look, MOUNTS, devices=[fuse])
    finally:
        os.umask(0o022)
    assert devices["null"] == (1, 3, 0o666)
    assert devices["fuse"] == (10, 229, 0o600)
    assert devices["ptmx"] == "pts/ptmx"
    assert devices["fd"] == "/proc/self/fd"
    assert " ".join(sorted(devices)) == "core fd full fuse null ptmx random stderr stdin stdout tty urandom zero"
    assert own_pty


def test_masks_and_readonly_paths(inside):
    (masked, there, sys_flags, wrote, ipv4) = inside(
        lambda: (
            os.listdir("/sys/firmware"),
            os.stat("/proc/interrupts").st_rdev,
            seen()["/proc/sys"][1],
            refused(lambda: open("/proc/sys/net/ipv4/ip_forward", "w")),
            forward(),
        ),
        MOUNTS,
        masked_paths=["/proc/interrupts", "/sys/firmware", "/proc/no_such_file"],
        readonly_paths=["/proc/sys", "/proc/none"],
    )
    assert masked == []
    assert there == os.makedev(1, 3)
    assert "ro" in sys_flags
    assert "nosuid" in sys_flags
    assert wrote == errno.EROFS
    assert ipv4 == "1"  # the runtime's own writes still get through


def refused(call):
    """Return the errno that ``call`` fails with, or 0."""
    try:
        call()
    except OSError as error:
        return error.errno
    return 0


def forward():
    """Switch forwarding on in this network namespace through a procfs of our own; return what /proc says then."""
    fd = open_proc()
    write_proc(fd, "sys/net/ipv4/ip_forward", "1")
    os.close(fd)
    return open("/proc/sys/net/ipv4/ip_forward").read().strip()


def test_binds_with_their_options(inside, tmp_path):
    shared = tmp_path / "volume"
    (shared / "below").mkdir(parents=True)
    (tmp_path / "file").write_text("hello")

    def prepare():
        mount("tmpfs", str(shared / "below"), "tmpfs")

    mounts = [
        {"destination": "/ro", "source": str(shared), "options": ["rbind", "ro", "rprivate"]},
        {"destination": "/rro", "source": str(shared), "options": ["rbind", "rro"]},
        {"destination": "/one", "source": str(shared), "options": ["bind", "nosuid", "nodev", "noexec"]},
        {"destination": "/slave", "source": str(shared), "options": ["rbind", "rslave"]},
        {"destination": "/etc/hosts", "source": str(tmp_path / "file"), "type": "bind", "options": ["ro"]},
    ]
    found, text = inside(lambda: (seen(), open("/etc/hosts").read()), mounts, prepare=prepare)
    assert "ro" in found["/ro"][1]
    assert "rw" in found["/ro/below"][1]
    assert "ro" in found["/rro/below"][1]
    assert {"nosuid", "nodev", "noexec", "rw"} <= set(found["/one"][1])
    assert "/one/below" not in found
    assert text == "hello"
    assert (tmp_path / "root" / "etc" / "hosts").is_file()


def test_a_user_namespace_keeps_locked_flags_and_says_so(inside, in_child, tmp_path):
    """The source is read-only outside: inside it stays so, and an explicit rw is an error that explains itself."""
    volume = tmp_path / "volume"
    volume.mkdir()

    def run(words):
        def child():
            unshare(CLONE_NEWNS)
            set_propagation("/", "rprivate")
            bind(str(volume), str(volume))
            mount("", str(volume), flags=0x1000 | 0x20 | 1 | 2)  # MS_BIND|MS_REMOUNT|MS_RDONLY|MS_NOSUID
            bound = {"destination": "/v", "source": str(volume), "options": words}
            return inside(seen, [MOUNTS[0], bound], user=True)

        return in_child(child)

    assert {"ro", "nosuid"} <= set(run(["rbind", "nodev"])["/v"][1])
    with pytest.raises(in_child.error, match="cannot be taken off"):
        run(["rbind", "rw"])


@pytest.mark.parametrize("text", ["/{0}", "../../../../../../../../{0}", "{0}"])
def test_a_hostile_link_in_the_image_stays_inside(inside, root, tmp_path, text):
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "trap").symlink_to(text.format(str(outside).lstrip("/")))
    found = inside(seen, [{"destination": "/trap/here", "type": "tmpfs"}])
    assert f"{outside}/here" in found  # a folder of the root with the host's name
    assert os.listdir(outside) == []


def test_a_link_named_proc_is_an_error(inside, root, in_child):
    (root / "proc").symlink_to("etc")
    with pytest.raises(in_child.error, match="/proc") as caught:
        inside(seen, [MOUNTS[0]])
    assert caught.value.errno == errno.ELOOP


def test_a_tmpfs_takes_mode_and_content_of_what_it_covers(inside, root):
    data = root / "data"
    data.mkdir()
    os.chmod(data, 0o1750)
    (data / "file").write_text("from the image")
    mounts = [{"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "ro"]}]
    look = lambda: (open("/data/file").read(), stat.S_IMODE(os.stat("/data").st_mode), seen()["/data"])  # noqa: E731
    content, mode, found = inside(look, mounts)
    assert (content, mode, found[0]) == ("from the image", 0o1750, "tmpfs")
    assert "ro" in found[1]


def test_a_console_is_bound_after_the_pivot(inside):
    def look():
        _, slave = os.openpty()
        bind_descriptor(-1, "/dev/console", slave)
        return os.path.samefile("/dev/console", os.ttyname(slave)), seen()["/dev/console"][0]

    assert inside(look, MOUNTS) == (True, "devpts")


def test_readonly_and_kernels_without_openat2(inside, root, monkeypatch):
    from section01_processes import SyscallError
    from section04_filesystem import _syscalls

    def missing(*arguments):
        raise SyscallError(errno.ENOSYS, "openat2", arguments)

    monkeypatch.setattr(_syscalls, "_openat2", missing)
    (root / "abs").symlink_to("/etc")
    found = inside(seen, [{"destination": "/abs/x", "type": "tmpfs"}, *MOUNTS[:5]], masked_paths=["/proc/interrupts"])
    assert {"/etc/x", "/proc", "/dev/pts", "/proc/interrupts"} <= set(found)


def test_steps_of_the_caller_between_the_halves(in_child, root):
    def note(fd):
        os.close(os.open("made-between", os.O_CREAT | os.O_WRONLY, dir_fd=fd))

    def run():
        unshare(CLONE_NEWNS)
        steps = [*plan_root_mounts(str(root), []), Step(note, ROOT), *plan_pivot()]
        slots = Plan("init", steps).run({})
        return os.listdir("/"), refused(lambda: os.fstat(slots["rootfs"]))

    names, closed = in_child(run)
    assert "made-between" in names
    assert closed == errno.EBADF
    assert isinstance(ROOT, Slot)


@pytest.mark.parametrize(
    ("word", "expected"), [("rshared", "shared"), ("unbindable", "unbindable"), ("rprivate", "private")]
)
def test_the_roots_own_propagation(inside, word, expected):
    assert inside(seen, propagation=word)["/"][3].startswith(expected)
    assert "shared" not in inside(seen)["/"][3]


def test_private_mounts_receive_from_the_host_or_not(in_child, tmp_path):
    """A "host" mount namespace with shared mounts, and a guest in it: rslave receives, rprivate does not."""
    place = tmp_path / "place"
    place.mkdir()

    def guest(word, ready, go):
        unshare(CLONE_NEWNS)
        Plan("child", plan_private_mounts(word)).run({})
        mount("tmpfs", str(tmp_path), "tmpfs") if word == "hide" else None
        os.write(ready, b"x")
        os.read(go, 1)
        got = MountTable.of().at(str(place)) is not None
        mount("mine", "/mnt", "tmpfs")
        return got

    def host():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        bind("/", "/mnt", recursive=False)
        umount("/mnt")
        set_propagation("/", "rshared")
        answers = []
        for word in ("rslave", "rprivate"):
            ready, said = os.pipe()
            go, end = os.pipe()
            result, answer = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(end)
                os.write(answer, b"1" if guest(word, said, go) else b"0")
                os._exit(0)
            os.read(ready, 1)
            mount("tmpfs", str(place), "tmpfs")
            os.close(end)
            os.waitpid(pid, 0)
            answers.append(os.read(result, 1))
            answers.append(MountTable.of().at("/mnt") is None)
            umount(str(place))
        return answers

    assert in_child(host) == [b"1", True, b"0", True]


def test_pivot_root_says_which_cause_it_was(in_child, root):
    def not_a_mount():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        pivot_root(str(root))

    def not_a_mount_elsewhere():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        mount("tmpfs", str(root), "tmpfs")
        (root / "new").mkdir()
        pivot_root(str(root / "new"))

    def shared():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        bind(str(root), str(root))
        set_propagation("/", "rshared")
        pivot_root(str(root))

    def after_chroot():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        os.mkdir(root / "proc") if not (root / "proc").exists() else None
        bind("/proc", str(root / "proc"))
        (root / "new").mkdir(exist_ok=True)
        os.chroot(root)
        os.chdir("/")
        bind("/new", "/new")
        pivot_root("/new")

    def the_root_itself():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        pivot_root("/")

    for attempt, cause, explain in [
        (not_a_mount, "not a mount point", "LCM-FS-0"),  # 2 where the folder is on the current root mount
        (not_a_mount_elsewhere, "not a mount point", "LCM-FS-01"),
        (shared, "is a shared mount", "LCM-FS-01"),
        (after_chroot, "after chroot", "LCM-FS-01"),
        (
            lambda: (unshare(CLONE_NEWNS), set_propagation("/", "rprivate"), pivot_root("/")),
            "current root",
            "LCM-FS-02",
        ),
    ]:
        with pytest.raises(in_child.error, match=cause) as caught:
            in_child(attempt)
        assert caught.value.explain.startswith(explain)


def test_a_masked_proc_keeps_a_user_namespace_from_mounting_its_own(in_child, root):
    def run():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        mount("tmpfs", "/proc/irq", "tmpfs")
        unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID)
        write_id_maps(0, [IdMap(0, 0, 1)], [IdMap(0, 0, 1)])
        return in_child(lambda: Plan("init", plan_rootfs(str(root), MOUNTS[:1], userns=True)).run({}) and None)

    with pytest.raises(in_child.error) as caught:
        in_child(run)
    assert "LCM-NS-05" in caught.value.text
    assert "proc → /proc" in caught.value.text


@pytest.mark.parametrize(
    ("mounted", "words"),
    [
        ({"destination": "/x", "type": "tmpfs", "options": ["size=many"]}, ["tmpfs → /x", "size"]),
        ({"destination": "/x", "type": "nosuchfs", "source": "s"}, ["s → /x", "no file system nosuchfs"]),
        ({"destination": "/x", "source": "/no/such", "options": ["bind"]}, ["bind /no/such → /x", "No such file"]),
        ({"destination": "/etc", "source": "/etc/passwd", "options": ["bind"]}, ["/etc/passwd → /etc", "a file"]),
    ],
)
def test_an_error_names_the_mount_and_the_cause(inside, in_child, mounted, words):
    with pytest.raises(in_child.error) as caught:
        inside(seen, [mounted])
    for word in words:
        assert word in caught.value.text


def test_a_false_null_device_is_no_mask(in_child, root):
    def run():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        bind("/dev/zero", "/dev/null")
        Plan("init", plan_rootfs(str(root), [], masked_paths=["/etc/secret"])).run({})

    (root / "etc" / "secret").write_text("x")
    with pytest.raises(in_child.error, match="not the null device"):
        in_child(run)


def test_the_procfs_handle_takes_no_detour(in_child, tmp_path):
    def run():
        unshare(CLONE_NEWNS)
        set_propagation("/", "rprivate")
        fd = open_proc()
        mount("tmpfs", "/proc", "tmpfs")  # whatever lies on /proc does not matter to the handle
        write_proc(fd, "self/oom_score_adj", "500")
        umount("/proc")
        return open("/proc/self/oom_score_adj").read().strip(), refused(lambda: write_proc(fd, "self/cwd/x", "1"))

    assert in_child(run) == ("500", errno.ELOOP)
    shutil.rmtree(tmp_path)

"""nsman enter: into a process's namespaces, a namespace file's, a pin's; and what may not be entered."""

import os
import shlex
import subprocess

import pytest

from section02_namespaces import namespaces_of

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]
HOLD = "echo ready; exec sleep 1000"
LOOK = "stat -Lc %i /proc/self/ns/*; hostname; id -u"


def inodes(text):
    """Return the namespaces that ``stat /proc/self/ns/*`` printed, by kind."""
    names = sorted(os.listdir("/proc/self/ns"))
    return {name: int(line) for name, line in zip(names, text.splitlines(), strict=False) if "_" not in name}


@pytest.mark.lane("host", "guest")
@pytest.mark.parametrize("ordinary", [False, True])
def test_all_kinds_of_a_process_are_joined_user_first_and_pid_by_a_fork(nsman, started, first_child, ordinary):
    running = started("run", "--all", "--map-root", "--hostname", "box", "--mount-proc", "--", "sh", "-c", HOLD,
                      ordinary=ordinary)  # fmt: skip
    init = first_child(running.pid)
    done = nsman("enter", init, "--", "sh", "-c", f"{LOOK}; ls -d /proc/[0-9]*", ordinary=ordinary)
    assert (done.returncode, done.stderr) == (0, "")
    assert inodes(done.stdout) == namespaces_of(init)
    after = done.stdout.splitlines()[len(os.listdir("/proc/self/ns")) :]
    assert after[:2] == ["box", "0"]
    assert after[2] == "/proc/1"


def test_only_the_kinds_that_are_named_are_joined(nsman, started, first_child):
    init = first_child(started("run", "--all", "--hostname", "box", "--", "sh", "-c", HOLD).pid)
    own, theirs = namespaces_of("self"), namespaces_of(init)
    joined = inodes(nsman("enter", init, "--uts", "--net", "--", "sh", "-c", LOOK).stdout)
    assert [kind for kind in own if joined[kind] != own[kind]] == ["uts", "net"]
    assert (joined["uts"], joined["net"]) == (theirs["uts"], theirs["net"])
    shown = nsman("enter", init, "--uts", "--pid", "--dry-run", "--", "nosuch").stdout
    assert "flags=CLONE_NEWPID|CLONE_NEWUTS" in shown
    assert "execute(('nosuch'))" in shown


def test_a_namespace_file_is_one_namespace(nsman, started, first_child):
    init = first_child(started("run", "--all", "--hostname", "box", "--", "sh", "-c", HOLD).pid)
    own = namespaces_of("self")
    done = nsman("enter", f"/proc/{init}/ns/uts", "--", "sh", "-c", LOOK)
    assert [kind for kind, inode in inodes(done.stdout).items() if inode != own[kind]] == ["uts"]
    assert done.stdout.splitlines()[-2] == "box"
    wrong = nsman("enter", f"/proc/{init}/ns/uts", "--net", "true")
    assert (wrong.returncode, "is no net namespace (it is: uts)" in wrong.stderr) == (125, True)
    plain = nsman("enter", "/etc/passwd", "true")
    assert (plain.returncode, "is not a namespace file" in plain.stderr) == (125, True)


def test_a_pinned_namespace_is_entered_by_its_name(nsman, started, first_child, folder):
    init = first_child(started("run", "--uts", "--net", "--hostname", "box", "--", "sh", "-c", HOLD).pid)
    commands = (("pin", "blue", init, "--uts", "--net"), ("enter", "blue", "--", "hostname"), ("unpin", "blue"))
    script = " && ".join(shlex.join(nsman.command(*words)) for words in commands)
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        capture_output=True, text=True, check=False, env={**os.environ, "NSMAN_STATE": str(folder / "state")},
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "box")


# ---- the working directory ------------------------------------------------------------------------------------------


def test_in_another_mount_namespace_one_is_in_the_same_folder_or_at_the_root(nsman, started, first_child, folder):
    (folder / "covered" / "deep").mkdir(parents=True)
    hold = f"mount -t tmpfs none {folder}/covered; {HOLD}"
    init = first_child(started("run", "--mount", "--", "sh", "-c", hold).pid)
    for place, there in ((folder, folder), (folder / "covered" / "deep", "/")):
        done = nsman("enter", init, "--", "sh", "-c", "/bin/pwd", cwd=place)
        assert (done.stdout, done.stderr) == (f"{there}\n", "")
    uts = first_child(started("run", "--uts", "--", "sh", "-c", HOLD).pid)
    assert nsman("enter", uts, "--", "/bin/pwd", cwd=folder / "covered" / "deep").stdout == f"{folder}/covered/deep\n"


def test_from_a_folder_that_is_deleted_one_comes_to_the_root(nsman, started, first_child, folder):
    init = first_child(started("run", "--mount", "--", "sh", "-c", HOLD).pid)
    command = nsman.command("enter", init, "--", "/bin/pwd")
    script = 'mkdir "$1"; cd "$1"; rmdir "$1"; shift; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", folder / "gone", *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "/\n", "")


# ---- what cannot be entered -----------------------------------------------------------------------------------------


def test_a_process_that_is_gone_or_dead_is_said_to_be(nsman, until):
    dead = subprocess.Popen(["true"])
    until(lambda: open(f"/proc/{dead.pid}/stat").read().rpartition(")")[2].split()[0] == "Z", "it has ended")
    zombie = nsman("enter", dead.pid, "true")
    assert (zombie.returncode, zombie.stderr) == (125, f"nsman: error: cannot enter process {dead.pid}: it has ended\n")
    dead.wait()
    gone = nsman("enter", dead.pid, "true")
    assert (gone.returncode, f"no process {dead.pid}" in gone.stderr) == (125, True)


def test_a_name_that_nobody_has_is_told_also_to_whom_there_is_no_place_for_pins(nsman):
    own = {key: value for key, value in os.environ.items() if key not in ("XDG_RUNTIME_DIR", "NSMAN_STATE")}
    done = nsman("enter", "NOPE", "true", ordinary=True, env=own)
    assert done.returncode == 125
    assert "'NOPE' is no process id, no path, and not the name of a running container" in done.stderr


def test_a_process_that_ends_between_the_look_and_the_join_is_said_to_have_ended(in_child):
    from section01_processes import spawn
    from section02_namespaces.enter import look_at
    from section02_namespaces.family import launch
    from section02_namespaces.launch import plan_enter_command

    def run():
        def other():
            from section02_namespaces import CLONE_NEWUTS, unshare

            unshare(CLONE_NEWUTS)
            os.write(said, b"r")
            os.read(waits, 1)

        (reads, said), (waits, end) = os.pipe(), os.pipe()
        with spawn(other) as neighbour:
            os.read(reads, 1)
            pidfd, kinds = look_at(neighbour.pid)
            neighbour.signal(9)
            neighbour.wait()
            os.close(end)
            launch(plan_enter_command(pidfd, kinds, ["true"]))

    with pytest.raises(in_child.error, match="the process has ended meanwhile") as caught:
        in_child(run)
    assert caught.value.errno == 3


def test_what_is_not_there_ends_with_127_and_what_cannot_run_with_126(nsman):
    assert nsman("enter", "self", "nosuch").returncode == 127
    assert nsman("enter", "self", "/etc/passwd").returncode == 126
    assert nsman("enter", "self", "--", "sh", "-c", "kill -9 $$").returncode == 137
    assert nsman("enter", "self", "--typo").returncode == 2
    assert nsman("enter", "self", "--typo", "true").returncode == 2


def test_without_standard_descriptors_it_enters_as_well(nsman):
    """Then the protected interpreter's descriptor, and others of ours, are 0 to 2."""
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "-"]
    for code, program in ((0, "true"), (1, "false")):
        done = subprocess.run([*closed, *nsman.command("enter", "self", program)], check=False, timeout=60)
        assert done.returncode == code

"""The guided demonstrations: what the kernel said, fact by fact, as root and as an ordinary user."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from section02_namespaces.sharing.catalogue import DEMOS, NEEDS

TOOL = [sys.executable, "-c", "from section02_namespaces.cli import main; main()"]
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}
pytestmark = [pytest.mark.lane("host", full="guest"), pytest.mark.needs("userns")]
BOTH = pytest.mark.lane("host", "guest")  # what another kernel could do otherwise


def nsman(*words, **options):
    """Run the tool in a session of its own, in which nobody is left when it has ended."""
    with subprocess.Popen([*TOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True, **options) as tool:  # fmt: skip
        output, errors = tool.communicate(timeout=100)
    assert in_session(tool.pid) == []
    assert "Traceback" not in errors
    return subprocess.CompletedProcess(tool.args, tool.returncode, output, errors)


def in_session(leader):
    """Return the processes of a session, zombies apart; proc_pid_stat(5)."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                state, _, _, session = file.read().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state != "Z":
            found.append(int(pid))
    return found


def blocked():
    """Whether AppArmor keeps ordinary users from user namespaces here (Ubuntu): then only root plays."""
    try:
        with open("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") as file:
            return file.read().strip() == "1"
    except FileNotFoundError:
        return False


@pytest.fixture(params=["root", "nobody"])
def play(request):
    """Return a function that plays a demonstration and returns the facts of each step, numbers of namespaces as #."""
    options = {} if request.param == "root" or blocked() else NOBODY

    def run(name):
        done = nsman("share", "demo", name, "--json", cwd="/", **options)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["demo"] == name
        assert all(step["do"] and step["sources"].keys() == step["facts"].keys() for step in answer["steps"])
        return [step["facts"] for step in answer["steps"]]

    return run


def test_pod(play):
    facts = play("pod")
    assert facts == [
        {"namespaces of its own": ["pid", "mnt", "uts", "ipc", "net"], "its pid inside": 1},
        {"it listens on": "0100007F:1F90 0A", "we find the segment": "ENOENT"},
        {"shared": ["ipc", "net"], "not shared": ["pid", "mnt", "uts"], "the sidecar's pid inside": 1},
        {"it is connected to": "127.0.0.1:8080", "it reads": "hello from the first", "the same segment": True},
        {"still the same net namespace": True, "the segment is there": True},
    ]


@BOTH
def test_outlive(play):
    facts = play("outlive")
    net = facts[1]["the process is in"]
    assert re.fullmatch(r"net:\[\d+\]", net)
    assert facts == [
        {},
        {"the process is in": net, "pinned": [net]},
        {"processes in it": 0, "behind the pin": net, "another new net namespace": "ENOSPC"},
        {"the newcomer is in": net, "lo is up, as it was left": True},
        {"pinned": [], "another new net namespace": "works"},
    ]


@BOTH
def test_descriptor(play):
    facts = play("descriptor")
    net = facts[0]["the owner is in"]
    assert facts == [
        {"the owner is in": net, "both share user": True, "the guest opens the file": "works"},
        {"the guest has CAP_SYS_PTRACE": False, "the guest opens the file": "EACCES"},
        {"the guest received": net},
        {"setns": "works", "the guest is in": net},
    ]


@BOTH
def test_nested(play):
    first, second, third = play("nested")
    assert first == {"levels made": first["levels made"], "levels between it and us": first["levels made"],
                     "then the kernel said": "ENOSPC", "explained by": "LCM-US-03"}  # fmt: skip
    assert 1 < first["levels made"] <= 33  # 33 from the first user namespace, fewer inside of another one
    assert second == {"levels between it and us": 1, "a user namespace in it": "ENOSPC"}
    assert third == {"a user namespace in it": "works", "levels between it and us": 2}


def test_owner(play):
    facts = play("owner")
    mine = facts[0]["it is in"]
    assert facts == [
        {"it is in": mine, "its net namespace is owned by": mine, "made by us": True},
        {"lo up": "works", "lo is up": True},
        {"it has all capabilities": True, "lo up": "EPERM"},
        {"setns": "EPERM"},
        {"it is in the same net namespace": True},
    ]


def test_each_is_listed_with_what_it_needs():
    listed = json.loads(nsman("share", "list", "--json").stdout)
    assert [(row["name"], row["needs"]) for row in listed] == [(name, NEEDS[name]) for name in DEMOS]
    assert all(row["shows"].endswith(".") for row in listed)
    text = nsman("share", "list").stdout
    assert re.findall(r"^(\w+) ", text, re.MULTILINE) == list(DEMOS)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_its_lines_fit_the_terminal_and_tell_what_was_recorded(columns):
    steps = json.loads(nsman("share", "demo", "owner", "--json").stdout)["steps"]
    text = nsman("share", "demo", "owner", env={**os.environ, "COLUMNS": str(columns)}).stdout
    assert max(map(len, text.splitlines())) <= min(columns, 80)
    words = " ".join(text.split())
    for number, step in enumerate(steps, 1):
        assert f"{number}. {step['do']}" in words
        for label in step["facts"]:
            assert f" {label}: " in words


def test_an_unknown_one_is_refused_by_name():
    done = nsman("share", "demo", "pot")
    assert done.returncode == 2
    assert "no demonstration 'pot' (one of pod, outlive," in done.stderr


def test_without_user_namespaces_the_refusal_says_why(tmp_path):
    """As in a machine where user.max_user_namespaces is 0."""
    script = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", *TOOL, "share", "demo", "owner"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 125
    assert "LCM-US-03" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_between_two_steps_nobody_stays(how):
    playing = subprocess.Popen([*TOOL, "share", "demo", "pod", "--step"], stdin=subprocess.PIPE, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
    try:
        playing.stdin.write("\n" * 3)  # as far as the step with the sidecar
        playing.stdin.flush()
        while "the sidecar connects" not in (line := playing.stdout.readline()):
            assert line, "the demonstration ended early"
        playing.send_signal(how)
        assert playing.wait(60) == (130 if how == signal.SIGINT else -how)
        until = time.monotonic() + 60
        while in_session(playing.pid):  # after SIGKILL the kernel ends them, a moment later
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        playing.kill()
        playing.wait()
        playing.stdin.close()
        playing.stdout.close()

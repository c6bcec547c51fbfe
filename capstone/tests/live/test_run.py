"""A container as the program inside sees it, and what its end leaves behind."""

from __future__ import annotations

import os
import signal
import stat

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def test_the_world_inside(minidocker):
    out = minidocker(
        "run", "--rm", "--network", "none", "--hostname", "box", "tiny",
        "sh", "-c", 'echo $$; hostname; ps | wc -l; ls /; cat /proc/1/comm; env | sort; pwd',
    ).splitlines()  # fmt: skip
    assert out[0] == "1"
    assert out[1] == "box"
    assert int(out[2]) <= 5  # a title, sh, ps, wc: nobody else's
    assert "HOSTNAME=box" in out
    assert out[-1] == "/"


def test_only_the_loopback_without_a_network(minidocker):
    assert minidocker("run", "--rm", "--network", "none", "tiny", "ls", "/sys/class/net") == "lo"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("tiny", "sh", "-c", "exit 7"), 7, ""),
        (("tiny", "nosuch"), 127, "nosuch"),
        (("tiny", "/etc"), 126, "/etc"),
        (("absent",), 125, "no such image"),
    ],
)
def test_exit_codes(minidocker, words, code, message):
    done = minidocker.run("run", "--rm", "--network", "none", *words)
    assert (done.returncode, message in done.stderr) == (code, True)
    assert minidocker("ps", "-aq") == ""


def test_a_container_that_could_not_start_stays_created(minidocker):
    minidocker.fails("run", "--name", "bad", "--network", "none", "tiny", "nosuch", code=127)
    assert minidocker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "bad") == "created 127"


def test_detached_life(minidocker):
    identity = minidocker(
        "run", "-d", "--name", "web", "--network", "none", "tiny", "sh", "-c", "echo up; exec sleep 99"
    )
    assert len(identity) == 64
    assert minidocker("ps", "-q", "--no-trunc") == identity
    assert minidocker("inspect", "-f", "{{.State.Running}}", identity[:6]) == "true"
    minidocker.until(lambda: minidocker("logs", "web") == "up")
    assert minidocker("stop", "-t", "0", "web") == "web"
    assert minidocker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "web") == "exited 137"
    assert minidocker("start", "web") == "web"
    assert minidocker("ps", "--format", "{{.Names}}") == "web"
    assert "it is running" in minidocker.fails("rm", "web", code=1)
    assert minidocker("rm", "-f", "web") == "web"
    assert minidocker("ps", "-a", "--format", "json") == ""


def test_create_then_start_attached(minidocker):
    minidocker("create", "--name", "box", "--network", "none", "tiny", "sh", "-c", "echo hi; exit 3")
    assert minidocker("ps", "-a", "--format", "{{.Status}}") == "Created"
    assert minidocker("start", "-a", "box", code=3) == "hi"
    assert minidocker("wait", "box") == "3"


def test_detached_rm_is_folded_away_by_the_next_command(minidocker):
    minidocker("run", "-d", "--rm", "--network", "none", "tiny", "true")
    minidocker.until(lambda: minidocker("ps", "-aq") == "")
    assert os.listdir(minidocker.root + "/containers") == []


def test_stdin_and_streams(minidocker):
    done = minidocker.run("run", "--rm", "-i", "--network", "none", "tiny", "sh", "-c", "cat; echo err >&2", stdin="in")
    assert (done.stdout, done.stderr) == ("in", "err\n")
    assert minidocker("run", "--rm", "--network", "none", "tiny", "cat", stdin="unheard") == ""


def test_foreground_forwards_signals(minidocker):
    script = 'trap "echo term; exit 5" TERM; trap "echo usr1" USR1; echo ready; while :; do sleep 0.05; done'
    process = minidocker.start("run", "--rm", "--network", "none", "tiny", "sh", "-c", script, stdout=-1)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "usr1\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "term\n"
    assert process.wait(60) == 5
    process.stdout.close()


def test_the_death_of_the_command_harms_nothing(minidocker):
    process = minidocker.start(
        "run", "--name", "web", "--network", "none", "tiny", "sh", "-c", "echo on; exec sleep 99", stdout=-1
    )
    assert process.stdout.readline() == "on\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert minidocker("inspect", "-f", "{{.State.Status}}", "web") == "running"


def test_environment_workdir_user(minidocker, tmp_path):
    (tmp_path / "env").write_text("B=2\nHERE\n")
    out = minidocker(
        "run", "--rm", "--network", "none", "-e", "A=1", "--env-file", tmp_path / "env", "-w", "/made/for/me",
        "-u", "7:8", "--group-add", "9", "tiny", "sh", "-c", "echo $A$B$HERE; pwd; id -u; id -g; id -G",
        env={"HERE": "3"},
    ).splitlines()  # fmt: skip
    assert out == ["123", "/made/for/me", "7", "8", "8 9"]


def test_limits_of_the_process(minidocker):
    out = minidocker(
        "run", "--rm", "--network", "none", "--ulimit", "nofile=100:200", "--oom-score-adj", "300", "tiny",
        "sh", "-c", "ulimit -n; ulimit -Hn; cat /proc/self/oom_score_adj",
    )  # fmt: skip
    assert out.split() == ["100", "200", "300"]


def test_the_bundle_is_closed_to_others_and_explain_hides_the_environment(minidocker, tmp_path):
    minidocker("create", "--name", "box", "-e", "TOKEN=s3cret", "--network", "none", "tiny", "true")
    (folder,) = os.scandir(minidocker.root + "/containers")
    for entry in (folder, *os.scandir(folder.path)):
        if entry.name != "rootfs":
            assert stat.S_IMODE(entry.stat().st_mode) & 0o077 == 0, entry.path
    told = tmp_path / "told.json"
    done = minidocker.run("run", "--rm", "--network", "none", f"--explain={told}", "-e", "TOKEN=s3cret", "tiny", "true")
    assert done.returncode == 0
    assert "s3cret" not in told.read_text()
    dry = minidocker("run", "--dry-run", "-e", "TOKEN=s3cret", "tiny", "true")
    assert "s3cret" not in dry


def test_init_reaps_and_forwards(minidocker):
    out = minidocker("run", "--rm", "--init", "--network", "none", "tiny", "sh", "-c", "echo $$; exit 4", code=4)
    assert out != "1"


def test_cidfile(minidocker, tmp_path):
    file = tmp_path / "cid"
    identity = minidocker("create", "--cidfile", file, "--network", "none", "tiny", "true")
    assert file.read_text() == identity
    assert "--cidfile" in minidocker.fails("run", "--cidfile", file, "--network", "none", "tiny", "true")


def test_read_only_root_and_tmpfs(minidocker):
    out = minidocker(
        "run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/t:size=64k", "tiny",
        "sh", "-c", "touch /x 2>&1; touch /t/x && grep ' /t ' /proc/mounts",
    )  # fmt: skip
    assert "Read-only file system" in out
    for word in ("nosuid", "nodev", "noexec", "size=64k"):
        assert word in out


def test_restart_policy_brings_it_back(minidocker):
    script = "echo x >> /count; [ $(wc -l < /count) -ge 3 ]"
    minidocker(
        "run", "-d", "--name", "again", "--restart", "on-failure:5", "--network", "none", "tiny", "sh", "-c", script
    )
    assert minidocker("wait", "again") == "0"
    assert minidocker("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "again") == "2 exited"

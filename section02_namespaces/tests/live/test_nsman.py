"""The tool, from outside."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.lane("host", "guest")


def nsman(*arguments, **options):
    command = [sys.executable, "-c", "from section02_namespaces.cli import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_run_all_is_alone_with_a_name_of_its_own():
    done = nsman("run", "--all", "--map-root", "--hostname", "box", "--mount-proc", "--", "sh", "-c",
                 "echo $$; hostname; id -u; ls -d /proc/[0-9]*; exit 7")  # fmt: skip
    assert done.returncode == 7, done.stderr
    pid, name, uid, *processes = done.stdout.split()
    assert (pid, name, uid) == ("1", "box", "0")
    assert len(processes) <= 2  # the shell, and ls
    assert os.uname().nodename != "box"


def test_an_ordinary_user_needs_a_user_namespace():
    refused = nsman("run", "--uts", "true", user=65534, group=65534, extra_groups=[])
    assert refused.returncode == 125
    assert "new user namespace" in refused.stderr
    assert "Traceback" not in refused.stderr
    done = nsman("run", "--uts", "--map-root", "id", "-u", user=65534, group=65534, extra_groups=[])
    assert done.stdout == "0\n"


def test_enter_joins_what_differs(tmp_path):
    holder = subprocess.Popen(["unshare", "--uts", "--", "sh", "-c", "hostname other; echo; exec sleep 60"],
                              stdout=subprocess.PIPE)  # fmt: skip
    try:
        holder.stdout.readline()
        assert nsman("enter", str(holder.pid), "--", "hostname").stdout == "other\n"
        assert "CLONE_NEWUTS" in nsman("enter", str(holder.pid), "--uts", "--dry-run", "true").stdout
        facts = {
            row["kind"]: row for row in json.loads(nsman("inspect", str(holder.pid), "--json").stdout)["namespaces"]
        }
        assert [kind for kind, row in facts.items() if not row["shared"]] == ["uts"]
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_ls_shows_our_own_namespaces():
    rows = json.loads(nsman("ls", "--json", "--kind", "mnt").stdout)["namespaces"]
    assert os.stat("/proc/self/ns/mnt").st_ino in [row["inode"] for row in rows]


def test_wrong_words_are_errors_without_traceback():
    for line in ("run --hostname x true", "run --mount-proc true", "enter 999999999 true", "inspect x", "ls --kind x"):
        arguments = line.split()
        done = nsman(*arguments)
        assert done.returncode == 125, arguments
        assert done.stderr.startswith("nsman: error: "), done.stderr
        assert "Traceback" not in done.stderr

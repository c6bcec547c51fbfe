"""The entry script, from outside: what a stranger types."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

CLONE = pathlib.Path(__file__).parents[1]


def course(*arguments, cwd=CLONE, user=None, **environment):
    command = [str(cwd / "course"), *arguments]
    if user:
        command = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *command]
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60
    )


def test_doctor_runs_as_an_ordinary_user_and_leaves_nothing(tmp_path):
    os.chmod(tmp_path, 0o755)
    done = course("doctor", "--json", user="65534", HOME=str(tmp_path))
    features = {f["feature"]: f for f in json.loads(done.stdout)}
    assert features["user"]["seen"].startswith("uid 65534")
    assert {f["state"] for f in features.values()} <= {"ok", "missing", "blocked"}
    assert list(tmp_path.iterdir()) == []


def test_doctor_names_an_option_it_does_not_know():
    done = course("doctor", "--fast")
    assert done.returncode == 2
    assert "--fast" in done.stderr


@pytest.mark.parametrize("arguments", [("demolish",), ("run",), ("run", "nosuchtool")])
def test_a_wrong_call_is_one_clear_sentence(arguments):
    done = course(*arguments)
    assert done.returncode == 1
    assert "course: " in done.stderr
    assert "Traceback" not in done.stderr


def test_help_lists_every_command():
    text = course("--help").stdout
    for command in ("doctor", "demo", "test", "lint", "docs", "run", "clean"):
        assert f"  {command}" in text


def test_the_second_call_prepares_nothing():
    course("run", "procman", "--help")
    stamp = CLONE / ".venv" / ".stamp"
    before = stamp.stat().st_mtime_ns
    assert course("run", "procman", "--version").returncode in (0, 2)
    assert stamp.stat().st_mtime_ns == before  # a set-up writes it anew


@pytest.mark.parametrize("tool", ["procman", "nsman", "cgman", "jailman", "imgman", "netman", "secman", "ociman",
                                  "initman", "orchman", "minidocker"])  # fmt: skip
def test_every_tool_has_help(tool):
    done = course("run", tool, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("tool", ["procman", "nsman", "cgman", "jailman", "imgman", "netman", "secman", "ociman",
                                  "initman", "orchman", "minidocker"])  # fmt: skip
def test_no_tool_answers_a_wrong_option_with_a_traceback(tool):
    done = course("run", tool, "--no-such-option")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr


def test_without_python_it_says_what_to_install(tmp_path):
    shutil.copy(CLONE / "course", tmp_path / "course")
    text = (tmp_path / "course").read_text().replace("/usr/bin/python3 python3 ", "/nonexistent/python3 ")
    (tmp_path / "course").write_text(text.replace("python3.14 python3.13 python3.12 python3.11", "/nonexistent/python"))
    done = course("doctor", cwd=tmp_path)
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "apt-get install" in done.stderr


def test_a_launcher_works_in_a_path_with_spaces(tmp_path):
    from courseware.environment import shebang

    script = tmp_path / "a folder" / "tool"
    script.parent.mkdir()
    python = tmp_path / "a folder" / "python"
    python.symlink_to(CLONE / ".venv" / "bin" / "python")
    script.write_text(shebang(str(python)) + "\nimport sys\nprint(sys.flags.isolated, sys.argv[1:])\n")
    script.chmod(0o755)
    done = subprocess.run([script, "x y"], capture_output=True, text=True, check=False)
    assert done.stdout == "1 ['x y']\n", done.stderr

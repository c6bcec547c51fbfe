"""imgman: every command runs, and errors are one line with an exit code."""

import json
import subprocess
import sys

import pytest


@pytest.fixture
def imgman(tmp_path):
    """A function that runs the tool on a store of its own."""

    def run(*arguments, code=0, data=b""):
        command = [sys.executable, "-m", "section05_images.cli", "--root", str(tmp_path / "store"), *arguments]
        done = subprocess.run(command, capture_output=True, input=data)
        assert done.returncode == code, done.stderr.decode()
        assert b"Traceback" not in done.stderr
        return (done.stdout if code == 0 else done.stderr or done.stdout).decode()

    return run


def test_the_life_of_an_image_on_the_command_line(imgman, made, tmp_path):
    archive = tmp_path / "a.tar"
    archive.write_bytes(made.docker_archive([made.tar([("etc/x", "file", b"hello")])]))
    assert "would load docker.io/library/test:1: 1 layers" in imgman("load", "--dry-run", str(archive))
    assert not (tmp_path / "store").exists()
    assert imgman("load", str(archive)) == "loaded: test:1\n"
    assert imgman("load", "-", data=archive.read_bytes()) == "loaded: test:1\n"
    assert "test:1" in imgman("ls")
    [record] = json.loads(imgman("ls", "--json"))
    assert json.loads(imgman("inspect", record["id"][7:19]))["names"] == ["docker.io/library/test:1"]
    imgman("tag", "test:1", "other")
    assert imgman("history", "other").startswith("CREATED")
    imgman("unpack", "other", str(tmp_path / "out"))
    assert (tmp_path / "out" / "etc" / "x").read_text() == "hello"
    assert "would remove other" in imgman("rm", "--dry-run", "other")
    assert imgman("rm", "other", "test:1").splitlines()[-1] == f"Deleted: {record['id']}"
    assert imgman("check") == "the store is sound\n"


def test_import_with_changes(imgman, made):
    imgman("import", "-", "me/x:1", "-c", 'CMD ["sh"]', data=made.tar([("bin/sh", "file", b"x")]))
    assert json.loads(imgman("inspect", "me/x:1"))["config"]["config"] == {"Cmd": ["sh"]}


def test_errors_are_one_line(imgman, tmp_path):
    assert imgman("inspect", "nothing", code=125).startswith("imgman: error: no such image: nothing")
    assert imgman("load", str(tmp_path / "missing"), code=125).count("\n") == 1
    assert "registry client is not there yet" in imgman("pull", "alpine", code=125)
    assert "imgman: error:" in imgman("load", "-", data=b"\x1f\x8bnonsense", code=125)


def test_check_says_what_is_wrong_with_exit_code_1(imgman, made, tmp_path):
    imgman("import", "-", "x", data=made.tar([]))
    (tmp_path / "store" / "layers" / ".tmp-dead").mkdir()
    assert imgman("check", code=1) == "left over: layers/.tmp-dead\n"
    assert imgman("check", "--repair") == "the store is sound\n"

"""``course clean`` lists by name, and keeps away from what belongs to somebody else."""

import os
import subprocess
import sys
import time

from courseware import clean


def test_a_machine_without_anything_of_ours_has_nothing_to_clean(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIDOCKER_ROOT", str(tmp_path / "none"))
    for function in ("cgroups", "links", "rules"):
        monkeypatch.setattr(clean, function, lambda: iter(()))
    assert list(clean.leftovers(str(tmp_path), environment=False)) == []


def test_the_environment_goes_only_when_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIDOCKER_ROOT", str(tmp_path / "none"))
    monkeypatch.setattr(clean, "cgroups", lambda: iter(()))
    (tmp_path / ".venv").mkdir()
    assert not any(item.kind == "folder" for item in clean.leftovers(str(tmp_path), environment=False))
    found = [item for item in clean.leftovers(str(tmp_path), environment=True) if item.kind == "folder"]
    assert [item.name for item in found] == [str(tmp_path / ".venv")]
    assert clean.attempt(found[0])
    assert not (tmp_path / ".venv").exists()


def test_living_shims_of_another_folder_are_seen():
    words = ["-c", "input()", "minidocker/shim/__main__.py", "folder=/somewhere/containers/abc"]
    with subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE) as process:
        try:
            end = time.monotonic() + 60
            while "/somewhere" not in clean.other_shims("/elsewhere"):
                assert time.monotonic() < end, open(f"/proc/{process.pid}/cmdline").read()
                time.sleep(0.01)
            assert "/somewhere" not in clean.other_shims("/somewhere")
        finally:
            process.communicate(b"\n")


def test_what_cannot_be_removed_is_said(capsys):
    def refuse():
        raise OSError(16, os.strerror(16))

    assert not clean.attempt(clean.Leftover("cgroup", "/x", refuse))
    assert "cannot remove cgroup /x" in capsys.readouterr().err

"""Whoever takes ``safe_open`` from the section's root has its fall-back, too: some sandboxes know no openat2(2)."""

import errno
import os
import subprocess
import sys

import pytest

from section01_processes import SyscallError
from section04_filesystem import _syscalls, make_target, safe_open

pytestmark = pytest.mark.lane("host")


@pytest.fixture
def without_openat2(monkeypatch):
    """Answer as a kernel, a seccomp filter or an emulator does that does not know the call."""

    def refuse(*_):
        raise SyscallError(errno.ENOSYS, "openat2", ())

    monkeypatch.setattr(_syscalls, "openat2", refuse)


def test_the_surface_brings_the_fall_back():
    code = "from section04_filesystem import safe_open as _; from section04_filesystem.core import paths as p; "
    code += "print(p.fallback)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "walk_open" in done.stdout


def test_links_stay_inside_without_openat2(tmp_path, without_openat2):
    (tmp_path / "etc").symlink_to("/real/../../../real")
    (tmp_path / "real").mkdir()
    root = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    try:
        target = make_target(root, "/etc/new/place", "file")
        os.close(target)
        found = safe_open(root, "etc/new/place")
        os.close(found)
    finally:
        os.close(root)
    assert (tmp_path / "real" / "new" / "place").is_file()

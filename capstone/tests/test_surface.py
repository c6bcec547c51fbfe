"""What the command line loads, and what MiniDocker's modules may not load on the fast path."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

#: What no command that is usual may load.
HEAVY = {
    "click", "typing", "inspect", "contextlib", "threading", "sqlite3", "json", "subprocess", "shutil", "tempfile",
    "logging", "socket", "signal", "dataclasses", "asyncio", "rich", "hashlib", "pathlib", "tarfile", "zipfile",
    "argparse",
}  # fmt: skip
#: What those that start something must not load either; ``ps`` reads times, by strptime.
STARTING = {"re", "enum", "datetime"}

#: As our launchers start: without site and what it loads.
START = f"import sys; sys.path += {sys.path!r}\n"
PROGRAM = """
before = set(sys.modules)
from minidocker.cli import main
try:
    main(["--root", sys.argv[1], *sys.argv[2:]])
finally:
    print("\\n".join(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def loaded(root, *words):
    """Return the modules that a command loads."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", START + PROGRAM, root, *words], capture_output=True, text=True, timeout=60
    )
    return done.stderr.splitlines()


@pytest.mark.needs("root")
@pytest.mark.parametrize(
    "words", [("run", "--rm", "--network", "none", "tiny", "true"), ("exec", "box", "true"), ("start", "box"), ("ps",)]
)
def test_the_fast_path_stays_light(minidocker, words):
    minidocker("run", "-d", "--name", "box", "--network", "none", "tiny", "sleep", "99")
    modules = loaded(minidocker.root, *words)
    assert "minidocker.cli" in modules
    assert HEAVY & set(modules) == set()
    assert words == ("ps",) or STARTING & set(modules) == set()
    assert len(modules) <= 101, modules


def test_only_the_invoked_command_is_imported(tmp_path):
    modules = loaded(str(tmp_path), "version")
    commands = [
        name for name in modules if name.startswith("minidocker.cli.") and not name.split(".")[-1].startswith("_")
    ]
    assert commands == ["minidocker.cli.version"]


def test_every_command_has_help():
    from click.testing import CliRunner

    from minidocker.cli import COMMANDS
    from minidocker.cli._click import minidocker

    for name in COMMANDS:
        result = CliRunner().invoke(minidocker, [name, "--help"])
        assert result.exit_code == 0, name
        assert "Usage:" in result.output


def test_the_root_is_taken_from_flag_environment_and_user(monkeypatch):
    from minidocker.paths import default_root

    monkeypatch.setenv("MINIDOCKER_ROOT", "/x/y")
    assert default_root() == "/x/y"
    monkeypatch.delenv("MINIDOCKER_ROOT")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/home/u/data")
    assert default_root() == "/home/u/data/minidocker"

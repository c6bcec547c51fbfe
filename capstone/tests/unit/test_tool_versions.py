"""Every tool of the monorepo knows its version, from the metadata of its package."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points, version

import pytest

from section08_oci import default_spec

TOOLS = ("procman", "nsman", "cgman", "jailman", "imgman", "netman", "secman", "initman", "orchman")


def told(tool, *words):
    """Run ``tool`` as its launcher does; return what it prints, and the modules that are loaded in the end."""
    (entry,) = entry_points(group="console_scripts", name=tool)
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=sys.stderr))\n"
        f"sys.path[:] = {sys.path!r}\n"
        f"sys.argv = {[tool, *words]!r}\n"
        f"from {entry.module} import {entry.attr} as main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout, set(done.stderr.splitlines()), entry.module.partition(".")[0]


@pytest.mark.parametrize("tool", TOOLS)
def test_a_section_s_tool(tool):
    text, _, package = told(tool, "--version")
    assert text == f"{tool} {version(package)} (linux-containerization-mastery)\n"


@pytest.mark.parametrize("tool", TOOLS)
def test_help_names_it_and_does_not_read_metadata(tool):
    text, modules, _ = told(tool, "--help")
    assert "--version" in text
    assert "click" in modules
    assert "importlib.metadata" not in modules


def test_ociman_answers_as_runc_does():
    from click.testing import CliRunner

    from section08_oci.cli.tool import cli

    done = CliRunner().invoke(cli, ["--version"], prog_name="ociman")
    assert done.exit_code == 0
    assert done.output == f"ociman version {version('section08-oci')}\nspec: {default_spec()['ociVersion']}\n"

"""Images in, out and in use."""

from __future__ import annotations

import os
import subprocess
import tarfile

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def root_archive(minidocker, tmp_path):
    """Return a tar archive of tiny's files."""
    (layer,) = os.scandir(minidocker.root + "/images/layers")
    archive = tmp_path / "root.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(layer.path + "/diff", arcname=".")
    return archive


def test_tiny_is_made_once(minidocker):
    identity = minidocker("system", "tiny")
    assert minidocker("system", "tiny") == identity
    assert minidocker("images", "-q", "--no-trunc") == identity
    assert minidocker("inspect", "-f", "{{json .Config.Cmd}}", "tiny") == '["/bin/sh"]'


def test_import_and_run_with_the_image_s_own_settings(minidocker, tmp_path):
    changes = ("ENV A=1", "CMD echo $A $(pwd) $(id -u)", "WORKDIR /srv", "USER 7", "VOLUME /data", "LABEL l=x")
    flags = [word for change in changes for word in ("-c", change)]
    minidocker("import", *flags, root_archive(minidocker, tmp_path), "mine:1")
    assert minidocker("run", "--rm", "--network", "none", "mine:1") == "1 /srv 7"
    assert minidocker("images", "--format", "{{.Repository}}:{{.Tag}}", "mine") == "mine:1"
    minidocker("create", "--name", "box", "--network", "none", "mine:1")
    assert minidocker("ps", "-aq", "--filter", "label=l=x")
    assert len(minidocker("volume", "ls", "-q").split()) == 1


def test_an_archive_written_by_skopeo(minidocker, tmp_path):
    archive = tmp_path / "tiny.tar"
    source = f"oci:{minidocker.root}/images:docker.io/library/tiny:latest"
    for kind in ("oci-archive", "docker-archive"):
        subprocess.run(
            ["skopeo", "--insecure-policy", "copy", "-q", source, f"{kind}:{archive}:other:{kind[:3]}"],
            check=True, timeout=60, capture_output=True,
        )  # fmt: skip
        said = minidocker("load", "-i", archive)
        assert said.startswith("Loaded image"), said
        name = said.rpartition(" ")[2]
        assert minidocker("run", "--rm", "--network", "none", name, "echo", kind) == kind
        archive.unlink()


def test_a_truncated_archive(minidocker, tmp_path):
    archive = root_archive(minidocker, tmp_path)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    before = minidocker("images", "-q")
    minidocker.fails("import", archive, "broken", code=1)
    assert minidocker("images", "-q") == before


def test_remove(minidocker, tmp_path):
    minidocker("import", root_archive(minidocker, tmp_path), "mine")
    assert "ntagged: " in minidocker("rmi", "mine")
    assert "no such image" in minidocker.fails("rmi", "mine", code=1)

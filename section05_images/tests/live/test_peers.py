"""Other tools' images are ours, and ours are theirs: skopeo, umoci."""

import json
import os
import subprocess

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "program:skopeo", "program:umoci")]


@pytest.fixture
def bundle(tmp_path):
    """An OCI layout made by umoci: two layers, the second removes and replaces; the path of the layout."""
    layout = str(tmp_path / "layout")
    root = tmp_path / "bundle" / "rootfs"

    def umoci(*arguments):
        subprocess.run(["umoci", *arguments], check=True, capture_output=True)

    umoci("init", "--layout", layout)
    umoci("new", "--image", f"{layout}:web")
    umoci("unpack", "--image", f"{layout}:web", str(root.parent))
    for name in ("etc", "gone", "opaque"):
        (root / name).mkdir()
        (root / name / "low").write_text("low")
    os.symlink("etc", root / "link")
    umoci("repack", "--image", f"{layout}:web", "--refresh-bundle", str(root.parent))
    subprocess.run(["rm", "-r", root / "gone"], check=True)
    (root / "etc" / "low").unlink()
    (root / "etc" / "high").write_text("high")
    umoci("repack", "--image", f"{layout}:web", str(root.parent))
    umoci("config", "--image", f"{layout}:web", "--config.cmd", "sh", "--config.env", "A=1")
    return layout


def tree(folder):
    """Return the relative paths in ``folder``, with what files hold."""
    found = {}
    for here, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = os.path.join(here, name)
            found[os.path.relpath(path, folder)] = open(path).read() if os.path.isfile(path) else ""
    return found


def test_umoci_layout_and_skopeo_archives_load(store, bundle, tmp_path):
    store.load(bundle)
    subprocess.run(["skopeo", "copy", "-q", f"oci:{bundle}:web", f"oci-archive:{tmp_path}/o.tar:web:2"], check=True)
    subprocess.run(["skopeo", "copy", "-q", f"oci:{bundle}:web", f"docker-archive:{tmp_path}/d.tar:web:3"], check=True)
    assert store.load(f"{tmp_path}/o.tar") == ["docker.io/library/web:2"]
    assert store.load(f"{tmp_path}/d.tar") == ["docker.io/library/web:3"]
    ids = {store.resolve(name).id for name in ("web", "web:2")}
    assert len(ids) == 1
    docker = store.resolve("web:3")  # skopeo rewrites the config; the layers are the same
    assert docker.layers == store.resolve("web").layers
    assert docker.config["config"]["Cmd"] == ["sh"]
    store.unpack("web:3", str(tmp_path / "out"))
    assert tree(tmp_path / "out") == tree(tmp_path / "bundle" / "rootfs")
    assert store.check() == []


def test_skopeo_and_umoci_read_our_store(store, bundle, tmp_path):
    store.load(bundle)
    store.tag("web", "me/web:9")
    ours = f"oci:{store.root}:docker.io/me/web:9"
    done = subprocess.run(["skopeo", "inspect", ours], check=True, capture_output=True)
    assert len(json.loads(done.stdout)["Layers"]) == len(store.resolve("web").layers)
    subprocess.run(["skopeo", "copy", "-q", ours, f"oci:{tmp_path}/copy:x"], check=True)
    subprocess.run(["umoci", "unpack", "--image", f"{tmp_path}/copy:x", f"{tmp_path}/theirs"], check=True)
    assert tree(tmp_path / "theirs" / "rootfs") == tree(tmp_path / "bundle" / "rootfs")

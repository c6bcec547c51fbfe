"""load: docker archives, OCI archives, OCI layouts; what is not as promised leaves nothing behind."""

import gzip
import io
import json
import lzma
import os
import subprocess
import sys

import pytest

from section05_images import ArchiveError, ImageStore


@pytest.fixture
def layers(made):
    return [
        made.tar([("etc", "dir", None), ("etc/os", "file", b"one\n"), ("bin/sh", "file", b"#!" * 5000)]),
        made.tar([("etc/os", "file", b"two\n"), ("bin/.wh.sh", "file", b"")]),
        made.tar([("top", "file", b"3")]),
    ]


def write_folder(folder, files):
    for name, data in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
    return str(folder)


def load_bytes(store, data):
    return store.load(io.BytesIO(data))


@pytest.mark.parametrize(
    "form", ["docker", "docker.gz", "docker.xz", "oci", "oci plain", "folder", "path", "oci in docker"]
)
def test_every_form_gives_the_same_image(store, made, layers, tmp_path, form):
    names = ["docker.io/library/test:1"]
    layout = made.layout(layers, compress=form != "oci plain")
    docker = made.docker_archive(layers)
    if form == "folder":
        assert store.load(write_folder(tmp_path / "layout", layout)) == names
    elif form == "path":
        (tmp_path / "a.tar").write_bytes(docker)
        assert store.load(str(tmp_path / "a.tar")) == names
    elif form == "oci in docker":
        manifest = json.loads(next(d for n, d in layout.items() if b'"schemaVersion"' in d and n.startswith("blobs")))
        entry = {
            "Config": "blobs/sha256/" + manifest["config"]["digest"][7:],
            "RepoTags": ["test:1"],
            "Layers": ["blobs/sha256/" + layer["digest"][7:] for layer in manifest["layers"]],
        }
        assert load_bytes(store, made.as_tar({**layout, "manifest.json": json.dumps([entry]).encode()})) == names
    else:
        pack = {"docker.gz": gzip.compress, "docker.xz": lzma.compress}.get(form, bytes)
        assert load_bytes(store, pack(docker if form.startswith("docker") else made.as_tar(layout))) == names
    image = store.resolve("test:1")
    assert image.id == made.digest(made.config(layers))
    assert image.config["config"] == {"Cmd": ["/bin/sh"]}
    assert len(image.layers) == 3
    assert os.listdir(image.layers[0]) == ["top"]  # top first
    assert image.size == 4 + 10000 + 4 + 1
    assert store.check() == []


def test_standard_input_is_a_pipe(tmp_path, made, layers):
    """A pipe cannot seek; nothing may depend on it."""
    code = "import sys; from section05_images import ImageStore; print(ImageStore(sys.argv[1]).load('-'))"
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    done = subprocess.run(command, input=made.docker_archive(layers), capture_output=True, check=True)
    assert done.stdout == b"['docker.io/library/test:1']\n"


def test_a_layer_that_repeats_is_stored_once(store, made, layers):
    load_bytes(store, made.docker_archive([layers[0], layers[2], layers[2]]))
    assert len(store.resolve("test:1").layers) == 3
    assert len(os.listdir(f"{store.root}/blobs/sha256")) == 4  # two layers, config, manifest
    assert store.check() == []


def test_images_share_layers_and_the_last_one_takes_them_along(store, made, layers):
    load_bytes(store, made.docker_archive(layers[:2], tags=["a:1"]))
    load_bytes(store, made.docker_archive(layers, tags=["b:1"]))
    assert len(os.listdir(f"{store.root}/layers")) == 3
    assert store.resolve("a:1").layers == store.resolve("b:1").layers[1:]
    store.remove("b:1")
    assert len(os.listdir(f"{store.root}/layers")) == 2
    store.remove("a:1")
    assert os.listdir(f"{store.root}/layers") == os.listdir(f"{store.root}/blobs/sha256") == []


def test_the_same_image_in_another_packing_stays_one_image(store, made, layers):
    load_bytes(store, made.docker_archive(layers, tags=["a:1"]))
    load_bytes(store, made.as_tar(made.layout(layers, "b:1")))
    assert [sorted(record.short_names) for record in store.list()] == [["a:1", "b:1"]]
    assert store.check() == []


def test_an_image_without_a_name_is_known_by_its_id(store, made, layers):
    [identity] = load_bytes(store, made.docker_archive(layers, tags=()))
    assert store.resolve(identity).names == []
    assert store.resolve(identity[7:17]).id == identity
    assert store.remove(identity[7:15]) == [f"Deleted: {identity}"]


@pytest.mark.parametrize("name", ["latest", "docker.io/library/x:1", "NOT A NAME", ""])
def test_names_in_a_layout(store, made, layers, name):
    [found] = load_bytes(store, made.as_tar(made.layout(layers, name)))
    expected = {"latest": "docker.io/library/latest:latest", "docker.io/library/x:1": "docker.io/library/x:1"}
    assert found == expected.get(name, store.list()[0].id)


def test_the_platform_of_this_machine_is_chosen(store, made, layers, is_clean):
    mine = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    load_bytes(store, made.as_tar(made.layout(layers, platforms=["s390x", mine])))
    assert store.resolve("test:1").id
    store.remove("test:1")
    with pytest.raises(ArchiveError, match=f"no image for linux/{mine}.*linux/s390x"):
        load_bytes(store, made.as_tar(made.layout(layers, platforms=["s390x", "riscv64"])))
    assert is_clean(store)


def bad_blob(files, made, pick):
    name = next(n for n, d in files.items() if n.startswith("blobs") and pick(d))
    return {**files, name: files[name][:-1] + bytes([files[name][-1] ^ 1])}


@pytest.mark.parametrize("which", ["layer", "config", "manifest"])
def test_a_blob_with_a_wrong_digest_is_refused(store, made, layers, is_clean, which):
    marks = {
        "layer": lambda d: d[:2] == b"\x1f\x8b",
        "config": lambda d: b"rootfs" in d,
        "manifest": lambda d: b'layers":' in d,
    }
    with pytest.raises(ArchiveError, match="does not match its digest"):
        load_bytes(store, made.as_tar(bad_blob(made.layout(layers), made, marks[which])))
    assert is_clean(store)


def spoil_size(manifest):
    manifest["layers"][0]["size"] += 1


def spoil_diff_id(manifest):
    manifest["layers"].reverse()


def spoil_count(manifest):
    manifest["layers"].pop()


def spoil_digest(manifest):
    manifest["layers"][0]["digest"] = "sha256:../../../../etc/passwd"


def spoil_kind(manifest):
    manifest["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"


def spoil_shape(manifest):
    manifest["layers"] = 7


@pytest.mark.parametrize(
    ("edit", "match"),
    [
        (spoil_size, "bytes, its descriptor says"),
        (spoil_diff_id, "uncompressed, does not match"),
        (spoil_count, "names 3 layers, the manifest 2"),
        (spoil_digest, "not a sha256 digest"),
        (spoil_kind, "not a container image"),
        (spoil_shape, "broken"),
    ],
)
def test_a_manifest_that_lies_is_refused(store, made, layers, is_clean, edit, match):
    with pytest.raises(ArchiveError, match=match):
        load_bytes(store, made.as_tar(made.layout(layers, edit=edit)))
    assert is_clean(store)


def test_a_docker_archive_whose_config_is_not_its_name_is_refused(store, made, layers, is_clean):
    stem = made.digest(made.config(layers))[7:]
    with pytest.raises(ArchiveError, match="does not match its digest"):
        load_bytes(store, made.docker_archive(layers, files={f"{stem}.json": made.config(layers, author="x")}))
    assert is_clean(store)


@pytest.mark.parametrize("config", [b"", b"[]", b"{}", b'{"rootfs": {"diff_ids": ["x"]}}', b"\xff", b"[" * 100000])
def test_a_broken_config_is_refused(store, made, is_clean, config):
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["x:1"], "Layers": []}]).encode()
    with pytest.raises(ArchiveError):
        load_bytes(store, made.as_tar({"c.json": config, "manifest.json": manifest}))
    assert is_clean(store)


@pytest.mark.parametrize("manifest", [b"", b"{}", b"[]", b"[1]", b'[{"Config": 1}]', b'[{"Layers": []}]', b"null"])
def test_a_broken_manifest_is_refused(store, made, is_clean, manifest):
    with pytest.raises(ArchiveError):
        load_bytes(store, made.as_tar({"manifest.json": manifest}))
    assert is_clean(store)


def test_links_in_an_archive_never_lead_out(store, made, tmp_path, is_clean):
    (tmp_path / "secret.json").write_bytes(made.config([]))
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["x:1"], "Layers": []}]).encode()
    for target in (f"{tmp_path}/secret.json", "../../secret.json", "c.json"):
        with pytest.raises(ArchiveError, match="no file"):
            load_bytes(store, made.tar([("c.json", "link", target), ("manifest.json", "file", manifest)]))
    assert is_clean(store)


def test_every_truncation_is_an_error_and_leaves_nothing(store, made, layers, is_clean):
    for whole in (made.docker_archive(layers), gzip.compress(made.as_tar(made.layout(layers)))):
        for size in sorted({0, 1, 511, 512, *range(700, len(whole) - 10240, 2999)}):
            with pytest.raises(ArchiveError):
                load_bytes(store, whole[:size])
    assert is_clean(store)


def test_zstd_is_named(store, made, layers, is_clean):
    with pytest.raises(ArchiveError, match=r"zstd.*skopeo"):
        load_bytes(store, b"\x28\xb5\x2f\xfd" + bytes(100))
    assert is_clean(store)


def test_what_is_no_image_is_named(store, made, tmp_path):
    with pytest.raises(ArchiveError, match=r"neither .*import"):
        load_bytes(store, made.tar([("bin/sh", "file", b"x")]))
    with pytest.raises(ArchiveError, match="cannot read"):
        store.load(str(tmp_path / "missing"))
    with pytest.raises(ArchiveError, match="neither"):
        store.load(str(tmp_path))


def test_a_broken_image_among_good_ones_brings_none(store, made, layers, is_clean):
    config = made.config(layers[:1])
    files = {"c.json": config, "l.tar": layers[0], "bad.tar": layers[1]}
    entries = [
        {"Config": "c.json", "RepoTags": ["good:1"], "Layers": ["l.tar"]},
        {"Config": "c.json", "RepoTags": ["bad:1"], "Layers": ["bad.tar"]},
    ]
    with pytest.raises(ArchiveError):
        load_bytes(store, made.as_tar({**files, "manifest.json": json.dumps(entries).encode()}))
    assert is_clean(store)


def test_two_loads_at_once_are_both_there(tmp_path, made, layers):
    root = str(tmp_path / "store")
    code = "import sys; from section05_images import ImageStore; ImageStore(sys.argv[1]).load(sys.argv[2])"
    running = []
    for number in range(4):
        path = tmp_path / f"{number}.tar"
        path.write_bytes(made.docker_archive(layers, tags=[f"t:{number}"]))
        running.append(subprocess.Popen([sys.executable, "-c", code, root, str(path)]))
    assert [child.wait() for child in running] == [0] * 4
    store = ImageStore(root)
    assert sorted(store.resolve("t:0").names) == [f"docker.io/library/t:{n}" for n in range(4)]
    assert store.check() == []


def test_an_image_that_only_a_lease_keeps_gets_its_name_back(store, made, layers):
    archive = made.docker_archive(layers)
    load_bytes(store, archive)
    identity = store.acquire("test:1", "c1").id
    store.remove("test:1", force=True)
    assert store.list() == []
    load_bytes(store, archive)
    assert store.resolve("test:1").id == identity
    store.release("c1")
    store.sweep()
    assert store.check() == []


def test_an_image_for_another_machine_is_loaded_with_a_warning(store, made, layers, capfd):
    config = made.config(layers[:1], architecture="s390x")
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["big:1"], "Layers": ["l.tar"]}]).encode()
    load_bytes(store, made.as_tar({"c.json": config, "l.tar": layers[0], "manifest.json": manifest}))
    assert "image docker.io/library/big:1 is for s390x" in capfd.readouterr().err
    assert store.resolve("big:1").config["architecture"] == "s390x"

"""What section 5's tests share: tars, docker archives and OCI layouts written by hand, so that they can be wrong."""

import gzip
import hashlib
import io
import json
import os
import tarfile
import types

import pytest

from section05_images import ImageStore


def make_tar(members, *, form=tarfile.PAX_FORMAT):
    """Return the bytes of a tar; a member is (name, kind, data-or-target, {attributes})."""
    kinds = {
        "file": tarfile.REGTYPE,
        "dir": tarfile.DIRTYPE,
        "link": tarfile.SYMTYPE,
        "hard": tarfile.LNKTYPE,
        "char": tarfile.CHRTYPE,
        "block": tarfile.BLKTYPE,
        "fifo": tarfile.FIFOTYPE,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:", format=form) as archive:
        for name, kind, value, *more in members:
            member = tarfile.TarInfo(name)
            member.type = kinds[kind]
            member.mode = 0o755 if kind == "dir" else 0o644
            data = value if kind == "file" else b""
            member.size = len(data)
            if kind in ("link", "hard"):
                member.linkname = value
            if kind in ("char", "block"):
                member.devmajor, member.devminor = value
            for key, attribute in (more[0] if more else {}).items():
                setattr(member, key, attribute)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_config(layers, **more):
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    document = {"architecture": machine, "os": "linux", "config": {"Cmd": ["/bin/sh"]}, **more}
    document["rootfs"] = {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}
    return json.dumps(document).encode()


def make_docker_archive(layers, tags=("test:1",), *, files=None):
    """Return a `docker save` archive in the old form: <id>/layer.tar, a layer that repeats is a symbolic link."""
    config = make_config(layers)
    seen, members, names = {}, [], []
    for number, layer in enumerate(layers):
        name = f"{number:064x}/layer.tar"
        names.append(name)
        if layer in seen:
            members.append((name, "link", f"../{seen[layer]}"))
        else:
            members.append((name, "file", layer))
            seen[layer] = name
    stem = digest(config)[7:]
    manifest = [{"Config": f"{stem}.json", "RepoTags": list(tags) or None, "Layers": names}]
    content = {f"{stem}.json": config, "manifest.json": json.dumps(manifest).encode(), **(files or {})}
    return make_tar(members + [(name, "file", data) for name, data in content.items()])


def make_layout(layers, name="test:1", *, compress=True, edit=None, platforms=None):
    """Return the files of an OCI layout; ``edit(manifest)`` may spoil it; ``platforms`` puts it behind an index."""
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def put(data, kind):
        files["blobs/sha256/" + digest(data)[7:]] = data
        return {"mediaType": kind, "digest": digest(data), "size": len(data)}

    config = put(make_config(layers), "application/vnd.oci.image.config.v1+json")
    kind = "application/vnd.oci.image.layer.v1.tar" + ("+gzip" if compress else "")
    blobs = [put(gzip.compress(layer, mtime=0) if compress else layer, kind) for layer in layers]
    manifest = {"schemaVersion": 2, "config": config, "layers": blobs}
    if edit:
        edit(manifest)
    entry = put(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    if platforms:
        entries = [{**entry, "platform": {"os": "linux", "architecture": p}} for p in platforms]
        index = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
        entry = put(index, "application/vnd.oci.image.index.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": name} if name else {}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    return files


def as_tar(files):
    return make_tar([(name, "file", data) for name, data in files.items()])


@pytest.fixture(scope="session")
def made():
    """Makers of archives: tar, docker_archive, layout, as_tar, config, digest."""
    return types.SimpleNamespace(
        tar=make_tar,
        docker_archive=make_docker_archive,
        layout=make_layout,
        as_tar=as_tar,
        config=make_config,
        digest=digest,
    )


@pytest.fixture
def store(tmp_path):
    """An image store that does not exist yet."""
    return ImageStore(str(tmp_path / "store"))


@pytest.fixture
def is_clean():
    """A function that says whether a store holds no image and nothing else."""

    def clean(store):
        if not os.path.exists(store.root):
            return True
        found = [os.path.join(here, name) for here, _, names in os.walk(store.root) for name in names]
        allowed = {f"{store.root}/{name}" for name in ("oci-layout", "index.json", "lock")}
        return store.list() == [] and set(found) <= allowed and os.listdir(f"{store.root}/layers") == []

    return clean

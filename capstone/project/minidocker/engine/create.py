"""From flags to a container that exists: resolve, translate, commit the intent, make the folder. As steps.

The order, and why:

1. the image lease, then the image     nobody removes the image between looking and committing
2. translate                           pure: what cannot be is refused before anything is touched
3. folder in staging, lock taken       so that the row, once there, always has a lock to tell whether its creator lives
4. the row: id, name, intent           from here on every command can find and heal what follows
5. folder to its place, volumes        named after the id, or noted in the row
6. config.json, shim.json              the bundle; the container exists

What belongs here: these steps. What does not: starting (``run.py``), undoing (``settle.py``: the same as healing).
"""

from __future__ import annotations

import os
import time

from minidocker import names
from minidocker import store as s
from minidocker.errors import BadOption, EngineError, NameInUse, WrongState
from minidocker.translate.bundle import Translation, translate
from minidocker.translate.facts import gather
from minidocker.translate.view import labels, port_list, view
from section01_processes import LcmError, Slot, Step, action, format_json, read_json, write_file

from . import locks
from .settle import settle_row, settled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.options import Options
    from minidocker.translate.facts import Facts
    from section05_images import Image

    from .base import Engine

LOCK = Slot("lock", "descriptor that holds the container's lock")


class Job:
    """A container in the making: everything that was decided before anything is touched."""

    __slots__ = ("config", "engine", "facts", "identity", "image", "lease", "name", "options", "row", "translation")

    def __init__(self, engine: Engine, options: Options, image: Image, facts: Facts, translation: Translation) -> None:
        self.engine = engine
        self.options = options
        self.image = image
        self.facts = facts
        self.identity = facts.identity
        self.translation = translation
        self.name = options.name
        self.config: dict[str, Any] = {}
        self.row: dict[str, Any] = {}
        self.lease: locks.Lease | None = None

    def __repr__(self) -> str:
        return f"<container {self.name}>"


def prepare(engine: Engine, options: Options, env: list[str], *, dry: bool = False) -> Job:
    """Resolve the image and translate; with ``dry``, without touching anything. The caller ends ``job.lease``.

    Raises ImageNotFound, BadOption, NameInUse, EngineError.
    """
    if options.name and not names.valid_name(options.name):
        raise BadOption("--name", options.name, "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at least two characters")
    if options.cidfile and os.path.exists(options.cidfile):
        raise BadOption("--cidfile", options.cidfile, "the file exists", hint="delete it if no container uses it")
    if not dry and options.name:
        require_free(engine, options.name)
    lease = None
    if not dry:
        _ = engine.store  # makes the state folder
        lease = locks.Lease(engine.root.path)
        lease.__enter__()
    try:
        job = make_job(engine, options, env, find_image(engine, options.image), dry=dry)
    except BaseException:
        if lease:
            lease.__exit__()
        raise
    job.lease = lease
    return job


def find_image(engine: Engine, reference: str) -> Image:
    """Return the image that ``reference`` means. Raises ImageNotFound, which says where one may come from."""
    try:
        return engine.images.resolve(reference)
    except LcmError as error:
        from .images import TINY, told_where

        if reference.partition(":")[0] == TINY:
            told_where(engine, error)
        raise


def require_free(engine: Engine, name: str) -> None:
    """Raise NameInUse for a name that is taken, unless its container turns out to be gone."""
    owner = engine.store.name_taken(name)
    row = engine.store.get(owner) if owner else None
    if row is not None and settle_row(engine, row) is not None:
        raise NameInUse(name, owner)


def make_job(
    engine: Engine, options: Options, env: list[str], image: Image, *, dry: bool, as_root: bool = False
) -> Job:
    """Return the job: flags translated, name chosen, row filled in. ``as_root``: as if root asked (dry runs)."""
    from .catalogue import catalogue

    facts = gather(engine.root, names.new_id(), as_root=as_root)
    if not dry:
        facts.free_port = free_port
    config = image.config.get("config") or {}
    out = translate(options, env, config, image.layers, facts, catalogue(), cwd=os.getcwd())
    check_sources(out)
    if out.join and not dry:
        join_network(engine, out.join, out.spec, out.shim)
    if out.ports and not dry:
        check_ports(engine, [(str(port.host_port), port.protocol, port.host_ip) for port in out.ports])
    job = Job(engine, options, image, facts, out)
    job.name = options.name or names.random_name()
    job.config = view(options, env, config, out)
    job.row = {
        "id": job.identity,
        "name": job.name,
        "state": s.CREATING,
        "created": time.time(),
        "image": options.image,
        "image_id": image.id,
        "command": " ".join([job.config["Path"], *job.config["Args"]]),
        "auto_remove": int(options.rm),
        "labels": format_json(labels(options, config)),
        "ports": format_json(port_list(out, config)),
        "config": format_json(job.config),
    }
    return job


def check_ports(engine: Engine, wanted: list[tuple[str, str, str]]) -> None:
    """Raise EngineError for a (port, protocol, address) that another container of ours publishes, naming it.

    Who else may have the port, the shim finds out when it binds it.
    """
    anywhere = {"", "0.0.0.0"}
    for row in engine.store.unsettled():
        for inside, address, host in row.parsed("ports") if row.state == s.LIVE else ():
            for port, protocol, wish in wanted:
                same = str(host) == port and inside.endswith("/" + protocol)
                if same and (address == wish or address in anywhere or wish in anywhere):
                    row_or_none = settle_row(engine, row)
                    if row_or_none is None or row_or_none.state != s.LIVE:
                        continue
                    raise EngineError(
                        f"port {port}/{protocol} is already published by container {row.name} ({row.id[:12]})",
                        hint="publish another host port, or stop that container",
                    )


def check_sources(out: Translation) -> None:
    """Raise BadOption for a bind whose host path must be there and is not (--mount; -v makes a folder)."""
    for mount, source in out.mounts:
        if mount.kind == "bind" and source not in out.make and not os.path.lexists(source):
            raise BadOption("--mount", f"type=bind,source={source},…", "the host path does not exist")


def join_network(engine: Engine, reference: str, spec: dict[str, Any], shim: dict[str, Any]) -> None:
    """Point spec and shim.json at the network namespace and the files of the running container ``reference``."""
    from minidocker.translate.mounts import etc_mounts

    row = settled(engine, reference)
    status = engine.status(row.id)
    if row.state != s.LIVE or not status.get("pid"):
        raise WrongState(f"cannot join the network of container {reference}: it is not running")
    for namespace in spec["linux"]["namespaces"]:
        if namespace["type"] == "network":
            namespace["path"] = f"/proc/{status['pid']}/ns/net"
    theirs = engine.folder(row.id)
    shim["network"]["files_from"] = theirs
    files = {f"/etc/{name}" for name in ("hosts", "hostname", "resolv.conf")}
    ours = engine.root.containers + "/"
    kept = [m for m in spec["mounts"] if m["destination"] not in files or not m["source"].startswith(ours)]
    taken = {m["destination"] for m in kept}
    shared = [m for m in etc_mounts(theirs, taken) if os.path.exists(m["source"])]
    spec["mounts"] = kept + shared
    share_hostname(spec, read_json(theirs + "/config.json").get("hostname", ""))


def share_hostname(spec: dict[str, Any], name: str) -> None:
    """Give the container the host name ``name`` of the one whose network it joins, as docker does, also in HOSTNAME."""
    ours = "HOSTNAME=" + spec["annotations"]["org.minidocker.id"][:12]
    spec["hostname"] = name
    spec["process"]["env"] = [f"HOSTNAME={name}" if pair == ours else pair for pair in spec["process"]["env"]]


def free_port(protocol: str) -> int:
    """Return a host port that nobody listens on now (the shim will hold it)."""
    import _socket

    kind = _socket.SOCK_DGRAM if protocol == "udp" else _socket.SOCK_STREAM
    probe = _socket.socket(_socket.AF_INET, kind)
    try:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port
    finally:
        probe.close()


def plan_create(job: Job) -> list[Step]:
    """Return the steps that make the container, up to its bundle."""
    engine, identity = job.engine, job.identity
    staging, folder = engine.staging(identity), engine.folder(identity)
    steps = [
        Step(reserve, staging, about="a folder whose lock says that its creator lives", out=LOCK),
        Step(commit_intent, job, about="id, name and intent, before the first change"),
        Step(settle_folder, staging, folder, about="the folder to its place"),
        Step(make_volumes, engine.root.path, job.translation.volumes, job.translation.make, about="volumes"),
        Step(end_lease, job, about="the row holds the image from here on"),
        Step(write_bundle, folder, job.translation, about="config.json and shim.json"),
    ]
    if job.options.cidfile:
        steps.append(Step(write_cidfile, job.options.cidfile, identity, about="--cidfile"))
    return steps


@action("flock(2)")
def reserve(folder: str) -> int:
    """Make the container's folder in staging and take its lock; return the lock's descriptor."""
    try:
        os.mkdir(folder, 0o700)
    except FileNotFoundError:
        os.makedirs(folder, 0o700)
    return locks.make_lock(folder)


@action("write(2)")
def commit_intent(job: Job) -> None:
    """Commit the row, choosing another random name when two were equal. Raises NameInUse."""
    while True:
        try:
            job.engine.store.add(job.row, job.translation.volumes)
            return
        except NameInUse:
            if job.options.name:
                raise
            job.row["name"] = job.name = names.random_name() + str(os.urandom(1)[0] % 10)


@action("rename(2)")
def settle_folder(staging: str, folder: str) -> None:
    """Move the complete folder to where every command looks for it."""
    os.rename(staging, folder)


@action("mkdir(2)")
def make_volumes(root: str, volumes: list[tuple[str, bool]], folders: list[str]) -> None:
    """Make the folders of volumes, and host folders that -v names and that are not there."""
    for name, _anonymous in volumes:
        os.makedirs(f"{root}/volumes/{name}/_data", mode=0o755, exist_ok=True)
    for path in folders:
        try:
            os.makedirs(path, exist_ok=True)
        except FileExistsError:
            continue  # a file: binding a file is fine
        except OSError as error:
            raise EngineError(f"cannot make the host folder {path}: {(error.strerror or '').lower()}") from None


@action("flock(2)")
def end_lease(job: Job) -> None:
    """Let go of the image lease."""
    if job.lease:
        job.lease.__exit__()
        job.lease = None


@action("rename(2)")
def write_bundle(folder: str, translation: Translation) -> None:
    """Write the OCI bundle and what the shim needs beyond it, closed to others: they hold the environment."""
    os.mkdir(folder + "/rootfs", 0o755)
    write_file(folder + "/config.json", format_json(translation.spec), durable=False)
    write_file(folder + "/shim.json", format_json(translation.shim), durable=False)


@action("write(2)")
def write_cidfile(path: str, identity: str) -> None:
    """Write the container's id to a new file. Raises BadOption when it exists."""
    try:
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise BadOption("--cidfile", path, (error.strerror or str(error)).lower()) from None
    os.write(fd, identity.encode())
    os.close(fd)

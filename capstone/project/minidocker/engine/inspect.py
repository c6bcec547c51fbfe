"""Docker's shape of a container and of an image, and Go templates as far as `inspect -f` is used in practice.

What belongs here: those shapes. What does not: volumes (``volumes.py``), printing.
"""

from __future__ import annotations

from minidocker import store as s
from minidocker.errors import BadOption
from minidocker.units import rfc3339
from section01_processes import format_json

from .base import details

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from minidocker.store import Row

    from .base import Engine

_ZERO = "0001-01-01T00:00:00Z"


def inspect_container(engine: Engine, row: Row) -> dict[str, Any]:
    """Return everything that is known of a container."""
    told = details(row, engine.reported(row.id) if row.state == s.LIVE else {})
    config = row.parsed("config")
    host = config["HostConfig"]
    folder = engine.folder(row.id)
    return {
        "Id": row.id,
        "Created": rfc3339(row.created),
        "Path": config["Path"],
        "Args": config["Args"],
        "State": _state(told),
        "Image": row.image_id,
        "ResolvConfPath": folder + "/resolv.conf",
        "HostnamePath": folder + "/hostname",
        "HostsPath": folder + "/hosts",
        "LogPath": folder + "/log.json",
        "Name": "/" + row.name,
        "RestartCount": told["restarts"],
        "Driver": "overlay",
        "Platform": "linux",
        "ExecIDs": None,
        "HostConfig": host,
        "GraphDriver": {"Name": "overlay", "Data": {"UpperDir": folder + "/upper", "WorkDir": folder + "/work"}},
        "Mounts": config["Mounts"],
        "Config": config["Config"],
        "NetworkSettings": _network(host["NetworkMode"], told, row.parsed("ports"), row.id),
    }


def _state(told: dict[str, Any]) -> dict[str, Any]:
    """Return Docker's State."""
    state = told["state"]
    return {
        "Status": state,
        "Running": state in {"running", "restarting"},
        "Paused": state == "paused",
        "Restarting": state == "restarting",
        "OOMKilled": told["oom_killed"],
        "Dead": state == "dead",
        "Pid": told["pid"],
        "ExitCode": told["exit_code"],
        "Error": told["error"],
        "StartedAt": told["started"] or _ZERO,
        "FinishedAt": told["finished"] or _ZERO,
    }


def _network(mode: str, told: dict[str, Any], ports: list[list[Any]], identity: str) -> dict[str, Any]:
    """Return Docker's NetworkSettings."""
    from minidocker.translate.network import own_mac

    bound: dict[str, Any] = {}
    for inside, ip, host in ports if told["state"] == "running" else ():
        bound.setdefault(inside, None)
        if host:
            bound[inside] = [*(bound[inside] or ()), {"HostIp": ip, "HostPort": str(host)}]
    address = told["address"]
    endpoint = {"IPAddress": address, "MacAddress": own_mac(identity) if address else "", "NetworkID": mode}
    networks = {} if mode.startswith("container:") else {mode: endpoint}
    return {**endpoint, "Ports": bound, "Networks": networks}


def inspect_image(engine: Engine, reference: str) -> dict[str, Any]:
    """Return everything that is known of an image. Raises ImageNotFound."""
    from section05_images import familiar_name

    image = engine.images.resolve(reference)
    return {
        "Id": image.id,
        "RepoTags": [familiar_name(name) for name in image.names],
        "Created": image.created,
        "Architecture": image.config.get("architecture", ""),
        "Os": image.config.get("os", ""),
        "Size": image.size,
        "Config": image.config.get("config") or {},
        "RootFS": {"Type": "layers", "Layers": image.config.get("rootfs", {}).get("diff_ids", [])},
        "GraphDriver": {"Name": "overlay", "Data": {"LowerDir": ":".join(image.layers)}},
    }


def render(template: str, value: dict[str, Any]) -> str:
    """Return ``template`` with ``{{.State.Pid}}``, ``{{json .Config}}``, ``{{index .Config.Labels "a"}}`` filled in.

    Raises BadOption for anything else that Go templates can.
    """
    out, rest = [], template
    while (start := rest.find("{{")) >= 0:
        end = rest.find("}}", start)
        if end < 0:
            raise BadOption("--format", template, "an opening {{ has no closing }}")
        out += [rest[:start], _expression(rest[start + 2 : end].strip(), value, template)]
        rest = rest[end + 2 :]
    return "".join([*out, rest]).replace("\\t", "\t").replace("\\n", "\n")


def _expression(text: str, value: Any, template: str) -> str:
    words = text.split()
    if len(words) == 1 and text.startswith("."):
        return go_text(_path(text, value, template))
    if len(words) == 2 and words[0] in _FUNCTIONS and words[1].startswith("."):
        return _FUNCTIONS[words[0]](_path(words[1], value, template))
    if words and words[0] == "index" and len(words) >= 3:
        found = _path(words[1], value, template)
        for key in words[2:]:
            found = _item(found, key.strip('"'))
        return go_text(found)
    raise BadOption("--format", template, f"cannot do {{{{{text}}}}}", hint="paths, json, len, index, upper, lower")


def _item(value: Any, key: str) -> Any:
    if isinstance(value, list):
        return value[int(key)] if key.isdigit() and int(key) < len(value) else ""
    return (value or {}).get(key, "")


def _path(text: str, value: Any, template: str) -> Any:
    """Follow ``.A.B``. Raises BadOption for a key that is not there."""
    for key in filter(None, text.split(".")):
        if not isinstance(value, dict) or key not in value:
            raise BadOption("--format", template, f"there is no {text}")
        value = value[key]
    return value


def go_text(value: Any) -> str:
    """Return ``value`` as Go's text/template prints it: ``true``, ``[a b]``, ``map[a:1]``, ``<no value>``."""
    if value is None:
        return "<no value>"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + " ".join(go_text(v) for v in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{go_text(v)}" for k, v in sorted(value.items())) + "]"
    return str(value)


_FUNCTIONS: dict[str, Callable[[Any], str]] = {
    "json": format_json,
    "len": lambda value: str(len(value or "")),
    "lower": lambda value: go_text(value).lower(),
    "println": lambda value: go_text(value) + "\n",
    "upper": lambda value: go_text(value).upper(),
}

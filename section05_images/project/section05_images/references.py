"""Image names: ``tiny`` is short for ``docker.io/library/tiny:latest``.

What belongs here: names as text, without a store. What does not: looking one up (``image``). The grammar is that of
the distribution project's reference package, which Docker, containerd and podman share; written without ``re``, as
this is on the fast path.
"""

from __future__ import annotations

from .errors import BadReference

DEFAULT_DOMAIN = "docker.io"
DEFAULT_FOLDER = "library/"
_LOWER = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_TAG = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_HEX = frozenset("0123456789abcdef")


def is_hex(text: str) -> bool:
    """Tell whether ``text`` could be the beginning of an image id: lower-case hexadecimal digits."""
    return bool(text) and _HEX.issuperset(text)


def normalize(reference: str) -> str:
    """Return the full form ``domain/path:tag`` (or ``domain/path@sha256:…``) of ``reference``.

    Raises BadReference where the name breaks the grammar.
    """
    name, at, digest = reference.partition("@")
    if at and not (digest.startswith("sha256:") and len(digest) == 71 and is_hex(digest[7:])):
        raise BadReference(f"invalid image name {reference!r}: the digest must be sha256: and 64 hexadecimal digits")
    domain, path = _split_domain(name)
    path, colon, tag = path.partition(":")
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = DEFAULT_FOLDER + path
    if colon and not (tag and len(tag) <= 128 and _TAG.issuperset(tag) and tag[0] not in ".-"):
        raise BadReference(f"invalid image name {reference!r}: {tag!r} cannot be a tag")
    if len(path) > 255 or not all(_is_component(part) for part in path.split("/")):
        raise BadReference(f"invalid image name {reference!r}: it must be lower-case letters, digits and . _ - /")
    return f"{domain}/{path}@{digest}" if at else f"{domain}/{path}:{tag or 'latest'}"


def familiar_name(reference: str) -> str:
    """Return the short form of a full reference, as ``images`` shows it: without docker.io/library/, with the tag."""
    short = reference.removeprefix(DEFAULT_DOMAIN + "/")
    return short.removeprefix(DEFAULT_FOLDER) if short is not reference else reference


def _split_domain(name: str) -> tuple[str, str]:
    """Return (registry, rest); the first part is a registry if it looks like a host: a dot, a port or localhost."""
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return DEFAULT_DOMAIN, name
    host, _, port = first.partition(":")
    plain = host.strip(".-") == host and _TAG.issuperset(host)
    if not (host and plain and (not port or (port.isascii() and port.isdigit()))):
        raise BadReference(f"invalid image name {name!r}: {first!r} cannot be a registry")
    return (DEFAULT_DOMAIN if first == "index.docker.io" else first), rest


def _is_component(part: str) -> bool:
    """Tell whether ``part`` is lower-case letters and digits, joined by one of ``.``, ``_``, ``__`` or dashes."""
    if not part or part[0] not in _LOWER or part[-1] not in _LOWER:
        return False
    separators = "".join("a" if c in _LOWER else c for c in part).split("a")
    return all(s in ("", ".", "_", "__") or not s.strip("-") for s in separators)

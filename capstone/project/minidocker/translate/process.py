"""What runs in a container: words, environment, user, folder, limits of the process.

What belongs here: Docker's rules for joining flags and image. What does not: who the user is (the shim resolves names
against the container's passwd), and capabilities (``security.py``).
"""

from __future__ import annotations

from minidocker.errors import BadOption, EngineError
from minidocker.units import parse_number
from section01_processes import signal_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minidocker.options import Options

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_RLIMITS = frozenset(
    """
    as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack
    """.split()  # noqa: SIM905
)


def words(value: Any) -> list[str]:
    """Return an image's Entrypoint or Cmd as a list of words (a lone string is one shell line)."""
    if isinstance(value, str):
        return ["/bin/sh", "-c", value]
    return list(value or ())


def command_line(options: Options, image: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return (entrypoint, cmd) after Docker's rules. Raises EngineError when nothing is left to run.

    ``--entrypoint`` replaces the image's entrypoint *and* drops its cmd; an empty one removes it.
    """
    if options.entrypoint is None:
        entrypoint = words(image.get("Entrypoint"))
        command = list(options.command) or words(image.get("Cmd"))
    else:
        entrypoint = [options.entrypoint] if options.entrypoint else []
        command = list(options.command)
    if not entrypoint and not command:
        raise EngineError("no command specified", hint="the image has neither Cmd nor Entrypoint: say what to run")
    return entrypoint, command


def merge_environment(base: list[str], over: list[str]) -> list[str]:
    """Return ``base`` with ``over`` applied in place: equal names replaced, new ones appended, bare names removed."""
    out: dict[str, str] = {entry.partition("=")[0]: entry for entry in base}
    for entry in over:
        name, equals, _ = entry.partition("=")
        if equals:
            out[name] = entry
        else:
            out.pop(name, None)
    return list(out.values())


def environment(given: list[str], image: dict[str, Any], *, hostname: str, tty: bool) -> list[str]:
    """Return the environment: PATH, HOSTNAME, TERM (with -t), then the user's, then the image's not overridden."""
    defaults = [f"PATH={DEFAULT_PATH}", f"HOSTNAME={hostname}"]
    if tty:
        defaults.append("TERM=xterm")
    ours = {entry.partition("=")[0]: entry for entry in given}  # the last one counts
    over = list(ours.values())
    over += [entry for entry in image.get("Env") or () if entry.partition("=")[0] not in ours]
    return merge_environment(defaults, over)


def working_dir(options: Options, image: dict[str, Any]) -> str:
    """Return the folder the process starts in. Raises BadOption when it is not absolute."""
    if options.workdir and not options.workdir.startswith("/"):
        raise BadOption("--workdir", options.workdir, "not an absolute path")
    return options.workdir or image.get("WorkingDir") or "/"


def rlimits(ulimits: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return OCI rlimits for ``nofile=1024:2048`` … Raises BadOption."""
    out: dict[str, dict[str, Any]] = {}
    for text in ulimits:
        name, equals, values = text.partition("=")
        if name not in _RLIMITS or not equals:
            raise BadOption("--ulimit", text, "not <type>=<soft>[:<hard>]", hint="types: " + " ".join(sorted(_RLIMITS)))
        soft_text, _, hard_text = values.partition(":")
        soft = _limit(soft_text, text)
        hard = _limit(hard_text, text) if hard_text else soft
        if soft > hard:
            raise BadOption("--ulimit", text, "the soft limit is above the hard limit")
        out[name] = {"type": "RLIMIT_" + name.upper(), "soft": soft, "hard": hard}
    return list(out.values())


def _limit(text: str, whole: str) -> int:
    """Return a limit; ``-1`` and ``unlimited`` are RLIM_INFINITY."""
    if text in {"-1", "unlimited"}:
        return (1 << 64) - 1
    if not text.isdigit():
        raise BadOption("--ulimit", whole, "a limit is not a number")
    return int(text)


def stop_signal(options: Options, image: dict[str, Any]) -> str:
    """Return the signal that ``stop`` sends first. Raises BadOption for one that does not exist."""
    text = options.stop_signal or image.get("StopSignal") or "SIGTERM"
    try:
        signal_number(text)
    except Exception:
        raise BadOption("--stop-signal", text, "no such signal") from None
    return str(text)


def oom_score(options: Options) -> int:
    """Return ``--oom-score-adj``. Raises BadOption outside -1000…1000."""
    if not options.oom_score_adj:
        return 0
    value = parse_number(options.oom_score_adj, "--oom-score-adj")
    if not -1000 <= value <= 1000:
        raise BadOption("--oom-score-adj", value, "not between -1000 and 1000")
    return value


def process_object(
    options: Options,
    arguments: list[str],
    env: list[str],
    cwd: str,
    capabilities: dict[str, Any],
    *,
    new_privileges: bool,
) -> dict[str, Any]:
    """Return OCI's ``process``; the user is filled in by the shim."""
    process: dict[str, Any] = {
        "terminal": options.tty,
        "user": {"uid": 0, "gid": 0},
        "args": arguments,
        "env": env,
        "cwd": cwd,
        "capabilities": capabilities,
        "rlimits": rlimits(options.ulimit),
        "noNewPrivileges": not new_privileges,
    }
    if options.oom_score_adj:
        process["oomScoreAdj"] = oom_score(options)
    return process

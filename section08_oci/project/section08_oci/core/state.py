"""A container's state: a file, a table of legal transitions, and an identity that survives pid reuse.

    (none) → creating → created → running → stopped → (deleted)

What belongs here: ``state.json`` and its rules. What does not: how a container gets from one state to the next.
Sources: OCI runtime spec, runtime.md "State" and "Lifecycle"; proc(5) for the start time.
"""

from __future__ import annotations

from section01_processes import ProcessIdentity, format_json, read_json, write_file

from ..errors import ContainerNotFound, IllegalTransition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CREATING, CREATED, RUNNING, STOPPED = "creating", "created", "running", "stopped"

#: From each state, the states that may follow. ``stopped`` follows everything: a process can die at any time.
TRANSITIONS: dict[str, tuple[str, ...]] = {
    "": (CREATING,),
    CREATING: (CREATED, STOPPED),
    CREATED: (RUNNING, STOPPED),
    RUNNING: (STOPPED,),
    STOPPED: (),
}

FILE = "state.json"


class State:
    """What ``state.json`` holds. ``values`` is the OCI state plus ``identity``, ``cgroup`` and what callers add."""

    __slots__ = ("folder", "values")

    def __init__(self, folder: str, values: dict[str, Any]) -> None:
        self.folder = folder
        self.values = values

    @classmethod
    def load(cls, folder: str) -> State:
        """Read the file in ``folder`` and look whether the process is still there. Raises ContainerNotFound."""
        try:
            state = cls(folder, read_json(f"{folder}/{FILE}"))
        except FileNotFoundError:
            raise ContainerNotFound(f"no container has its state in {folder!r}") from None
        state.observe()
        return state

    @property
    def status(self) -> str:
        """The status: what was recorded, or ``stopped`` when the process is gone."""
        return str(self.values["status"])

    @property
    def pid(self) -> int:
        """The init's pid as the runtime sees it; 0 before it is known and after it ended."""
        return int(self.values.get("pid", 0))

    def observe(self) -> None:
        """Turn ``created`` and ``running`` into ``stopped`` if that very process is gone (not only its number)."""
        if self.status in {CREATED, RUNNING} and not self.alive():
            self.values["status"] = STOPPED

    def alive(self) -> bool:
        """Tell whether the init lives: same boot, same pid, same start time, and not a zombie."""
        identity = self.values.get("identity", "")
        return bool(identity) and ProcessIdentity.parse(identity).alive()

    def move(self, status: str) -> None:
        """Go to ``status`` and save. Raises IllegalTransition."""
        before = self.values.get("status", "")
        if status not in TRANSITIONS[before]:
            raise IllegalTransition(
                f"container {self.values.get('id')!r} cannot become {status}: it is {before or 'not there'}"
            )
        self.values["status"] = status
        self.save()

    def require(self, *statuses: str, to: str) -> None:
        """Raise IllegalTransition unless the status is one of ``statuses``; ``to`` says what was wanted."""
        if self.status not in statuses:
            raise IllegalTransition(f"cannot {to} container {self.values.get('id')!r}: it is {self.status}")

    def save(self) -> None:
        """Write the file by rename. Without fsync: after a crash of the machine no container is alive anyway."""
        write_file(f"{self.folder}/{FILE}", format_json(self.values).encode(), durable=False)

    def oci(self) -> dict[str, Any]:
        """Return what the runtime spec calls the state: its own keys only."""
        keys = ("ociVersion", "id", "status", "pid", "bundle", "annotations")
        value = {key: self.values[key] for key in keys if key in self.values}
        if self.status == STOPPED:
            value.pop("pid", None)
        return value

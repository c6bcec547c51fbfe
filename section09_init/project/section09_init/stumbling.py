"""The stumbling blocks of this section: where learners get stuck, as data.

What belongs here: id → (symptom, cause, remedy, where to read). What does not: printing them (``./course explain``).
"""

from __future__ import annotations

STUMBLING_BLOCKS: dict[str, dict[str, str]] = {
    "LCM-INIT-01": {
        "symptom": "stop takes ten seconds and ends with exit code 137; zombies pile up in the container",
        "cause": "the program is PID 1: signals that it has no handler for do nothing, not even SIGTERM, and orphans "
        "become its children, which it never waits for",
        "remedy": "an init above it (minidocker run --init, initman run); in a shell script exec the last program; or "
        "a handler for SIGTERM and a loop of waits in the program itself",
        "link": "pid_namespaces(7)",
        "verified": "not verified here: the test comes with section 9's exercises",
    },
}

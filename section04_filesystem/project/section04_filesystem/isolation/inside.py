"""In the jail: wait for the name of a technique, attempt it in a child, say what it came to.

Each attempt gets a child of its own, because it changes its world (its root, its working folder, its namespaces); and
an alarm, so that one that waits for ever is an answer, too.

What belongs here: that loop. What does not: the techniques, what a failure means (``reasons.py``, outside).
"""

from __future__ import annotations

import os
import signal
import sys
import time

from . import techniques
from .facts import look
from .link import Link
from .model import Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Inside:
    """What an attempt has: the ``world`` as it was told, and the link to the accomplice outside."""

    def __init__(self, link: Link, world: dict[str, Any]) -> None:
        self.link, self.world = link, world

    @property
    def canary(self) -> str:
        """The canary's path on the stage."""
        return str(self.world["canary"])

    @property
    def work(self) -> str:
        """A folder of the jail that everybody may write to."""
        return str(self.world["work"])

    def ask(self, what: str, **more: Any) -> dict[str, Any]:
        """Ask the accomplice outside and wait for the answer."""
        self.link.send({"ask": what, **more})
        answer = self.link.receive()
        return answer or {}

    def ask_and_keep_on(self, what: str, disturb: Any, **more: Any) -> dict[str, Any]:
        """Ask, and call ``disturb()`` again and again until the answer is there."""
        self.link.send({"ask": what, **more})
        while not self.link.waiting():
            for _ in range(20):
                disturb()
        return self.link.receive() or {}


def serve(link: Link) -> int:
    """Serve until the runner closes its end; return 0."""
    world = link.receive()
    if world is None:
        return 0
    os.makedirs(world["work"], exist_ok=True)
    link.send({"facts": look()})
    while request := link.receive():
        _attempt_in_child(Inside(link, world), request["attempt"])
    return 0


def _attempt_in_child(inside: Inside, name: str) -> None:
    """Fork a child that attempts ``name`` and sends the result; send one for it if it could not."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.setitimer(signal.ITIMER_REAL, inside.world["seconds"])  # SIGALRM ends us
            began = time.monotonic()
            result = attempt(inside, name)
            inside.link.send({"result": {**result, "seconds": round(time.monotonic() - began, 6)}})
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if status:
        said = "took too long" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM else f"{status:#x}"
        inside.link.send({"result": {"broken": f"the attempt ended without an answer: {said}", "seconds": 0.0}})


def attempt(inside: Inside, name: str) -> dict[str, Any]:
    """Attempt technique ``name``; return ``{"got": …}``, or what stopped it, or ``{"broken": …}``."""
    try:
        return {"got": techniques.named(name).attempt(inside)}
    except Stopped as stopped:
        return stopped.as_dict()
    except Exception as error:  # whatever it is, it is no answer: not an escape, and nobody who stopped it
        return {"broken": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Serve on standard input and output: the program of a method that executes its programs."""
    sys.exit(serve(Link(0, 1)))

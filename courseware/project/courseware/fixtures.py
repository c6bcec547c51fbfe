"""Fixtures that the tests of several sections share.

What belongs here: fixtures that need nothing but the kernel and Python. What does not: lanes, needs and leak counts
(``pytest_plugin.py``), and what one section alone uses (its ``conftest.py``).
"""

from __future__ import annotations

import marshal
import os
from collections.abc import Callable
from typing import Any, NoReturn

import pytest


class ChildError(Exception):
    """What the child raised: its type's name, its text, its errno (0: none) and its stumbling block ("": none)."""

    def __init__(self, kind: str, text: str, errno: int, explain: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind, self.text, self.errno, self.explain = kind, text, errno, explain


class InChild:
    """Runs functions in children of this process, which may change their namespaces, root and ids for good."""

    error = ChildError

    def __call__(self, run: Callable[[], Any]) -> Any:
        """Fork; the child calls ``run``; return its value (what marshal knows: numbers, texts, lists …).

        Raises ChildError for what ``run`` raised. Fails the test when the child ends without an answer. See fork(2).
        """
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _answer(run, writer)
        os.close(writer)
        with open(reader, "rb") as pipe:
            data = pipe.read()
        _, status = os.waitpid(pid, 0)
        if not data:
            pytest.fail(f"the child ended without an answer (wait status {status:#x})")
        kind, *facts = marshal.loads(data)
        if kind == "error":
            raise ChildError(*facts)
        return facts[0]


def _answer(run: Callable[[], Any], writer: int) -> NoReturn:
    """In the child: write what ``run`` returns or raises to ``writer``, and end."""
    try:
        try:
            data = marshal.dumps(("value", run()))
        except BaseException as error:
            facts = (getattr(error, "errno", None) or 0, getattr(error, "explain", ""))
            data = marshal.dumps(("error", type(error).__name__, str(error), *facts))
        with open(writer, "wb") as pipe:
            pipe.write(data)
    finally:
        os._exit(0)


@pytest.fixture
def in_child() -> InChild:
    """Return the function that runs another one in a child; ``in_child.error`` is what it raises."""
    return InChild()

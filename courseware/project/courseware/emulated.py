"""The pytest plugin of a run under qemu-user(1): ``-p courseware.emulated`` with ``--emulated MACHINE``.

What belongs here: proof that the tests run as that machine, and hypothesis without deadlines: an emulator is ten times
slower. What does not: what an emulator lacks; tests say that themselves (``needs("kernel")``, ``needs.py``).
"""

from __future__ import annotations

import os
import platform
import sys

import pytest

#: Property tests that name no number of examples of their own get so many here.
EXAMPLES = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--emulated``."""
    parser.getgroup("course").addoption("--emulated", metavar="MACHINE", help="fail unless this machine is a MACHINE")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to run anywhere else. Raises pytest.UsageError."""
    from hypothesis import settings

    machines = (platform.machine(), os.uname().machine)
    if set(machines) != {config.getoption("--emulated")}:
        raise pytest.UsageError(f"this machine is no {config.getoption('--emulated')}: {machines}, {sys.executable}")
    settings.register_profile("emulated", deadline=None, derandomize=True, database=None, max_examples=EXAMPLES)
    settings.load_profile("emulated")

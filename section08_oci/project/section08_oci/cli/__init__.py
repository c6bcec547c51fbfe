"""ociman: an OCI runtime with runc's commands and flags.

What belongs here: parse, call one function of the library, print; one file per group of commands. What does not:
anything that a program would want to call. Slow path: click is imported here and nowhere else in the section.
"""

from __future__ import annotations

from .tool import main

__all__ = ["main"]

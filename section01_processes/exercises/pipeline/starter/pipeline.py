"""Run programs as one pipeline.

pipeline.py [--pipefail] COMMAND ARG… ['|' COMMAND ARG…]…

`parse` is complete, and `main` shows how the parts fit. Yours: `become`, `start`, `run`, `exit_code`, and --pipefail.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from lab import Todo


def parse(words: list[str]) -> tuple[bool, list[list[str]]]:
    """Return whether --pipefail stands first, and the stages: lists of words between the bars."""
    pipefail = words[:1] == ["--pipefail"]
    stages: list[list[str]] = [[]]
    for word in words[pipefail:]:
        if word == "|":
            stages.append([])
        else:
            stages[-1].append(word)
    if not all(stages):
        sys.exit("usage: pipeline.py [--pipefail] COMMAND ARG... ['|' COMMAND ARG...]...")
    return pipefail, stages


def become(argv: list[str], stdin: int, stdout: int, group: int) -> NoReturn:
    """In the child: be this stage. Never returns, whatever fails."""
    raise Todo(f"become: be {argv} with {stdin} as input and {stdout} as output, in group {group}")


def start(argv: list[str], stdin: int, stdout: int, group: int) -> int:
    """Start one stage in ``group`` (0: a group of its own); return its pid."""
    raise Todo(f"start: fork; {argv} between {stdin} and {stdout} in group {group}")


def run(stages: list[list[str]]) -> list[int]:
    """Start all stages, then wait for all; return their exit codes."""
    raise Todo(f"run: start {len(stages)} stages with pipes between them, then wait for all")


def exit_code(status: int) -> int:
    """Return what a shell shows for a wait status: the exit code, or 128 + n for signal n."""
    raise Todo(f"exit_code of the wait status {status}")


def main() -> int:
    """Run the pipeline; return its exit code."""
    _pipefail, stages = parse(sys.argv[1:])
    codes = run(stages)
    return codes[-1]


if __name__ == "__main__":
    sys.exit(main())

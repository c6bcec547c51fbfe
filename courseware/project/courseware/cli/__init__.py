"""The ``course`` tool: what ``./course`` hands over to once the environment is prepared.

What belongs here: the group of commands and the way out. The commands stand in one file per family (``project.py``:
the clone itself, ``learn.py``, ``ex.py``,
``prove.py``). What does not: the work, which each command's module does.
"""

from __future__ import annotations

import os

import click

from . import ex, learn, project, prove

#: The folder that this file stands in, five floors up.
CLONE = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 4))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def course(context: click.Context) -> None:
    """Linux Containerization Mastery: learn how containers work by running a container platform."""
    context.obj = context.obj or CLONE


for _family in (project, learn, ex, prove):
    for _command in _family.COMMANDS:
        course.add_command(_command)


def main() -> None:
    """Run the tool and exit; an error is one sentence and an exit code, never a traceback."""
    from section01_processes import run_tool

    run_tool(course, "course")

"""Printing a line, without click where click would only print it.

What belongs here: ``echo``. What does not: tables (``_table.py``).
"""

from __future__ import annotations

import sys


def echo(message: object = "", *, err: bool = False) -> None:
    """Print one line at once, to stderr with ``err``. Odd streams, and colours for no terminal, are left to click."""
    stream = sys.stderr if err else sys.stdout
    text = str(message)
    if stream and str(stream.encoding).lower() == "utf-8" and "\x1b" not in text:
        stream.write(text + "\n")
        stream.flush()
        return
    import click

    click.echo(text, err=err)

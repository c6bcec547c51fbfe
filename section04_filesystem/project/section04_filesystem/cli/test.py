"""``jailman test``: escapes from jails, attempted; the matrix of what came of it."""

from __future__ import annotations

import json

import click

from .common import JSON


@click.command()
@click.option("--method", "methods", multiple=True, metavar="M", help="Only this method (repeatable).")
@click.option("--technique", "techniques", multiple=True, metavar="T", help="Only this technique (repeatable).")
@click.option("--explain", metavar="T", help="Say what technique T is, and what came of it in each method.")
@JSON
def test(methods: tuple[str, ...], techniques: tuple[str, ...], explain: str | None, as_json: bool) -> int:
    """Try to break out of jails of every kind, and print which escapes each one stops, and by what.

    The jails, what lies outside of them and the canary that proves an escape are the test's own; nothing of the host
    is read or written. Ends with 0 when every method kept its promise, with 1 when something escaped that a method
    promises to stop, with 3 when a control failed: then the test itself is broken.
    """
    from ..isolation import report
    from ..isolation.runner import isolation_matrix, methods_named
    from ..isolation.techniques import techniques_named

    chosen = techniques_named([explain] if explain else techniques)
    against = methods_named(methods)
    matrix = isolation_matrix(against, chosen)
    if as_json:
        click.echo(json.dumps(matrix.as_dict()))
    elif explain:
        click.echo("\n".join([*report.explain_lines(chosen[0], against, matrix), "", report.verdict(matrix)]))
    else:
        click.echo("\n".join(report.matrix_lines(matrix)))
    return matrix.exit_code()

"""``minidocker attach``."""

from __future__ import annotations

import click

from minidocker.engine.base import Engine


@click.command()
@click.option("--detach-keys", metavar="KEYS", default="ctrl-p,ctrl-q", help="How to detach (ctrl-p,ctrl-q).")
@click.option("--no-stdin", is_flag=True, help="Do not attach stdin.")
@click.option("--sig-proxy/--no-sig-proxy", default=True, help="Forward signals to the program.")
@click.argument("container")
@click.pass_obj
def attach(root: str, container: str, detach_keys: str, no_stdin: bool, sig_proxy: bool) -> int:
    """Attach to CONTAINER: its output from now on, and its stdin if it was made with -i."""
    from minidocker.engine.execute import not_running
    from minidocker.engine.run import Started
    from minidocker.engine.settle import settled
    from minidocker.engine.stop import running
    from minidocker.shimclient import ShimGone, connect

    from ._attach import first_frame, stay_attached
    from ._options import wants_terminal

    engine = Engine(root)
    row = settled(engine, container)
    config = row.parsed("config")["Config"]
    stdin = config["OpenStdin"] and not no_stdin
    wants_terminal(tty=config["Tty"], interactive=stdin, keys=detach_keys)
    if not running(engine, row):
        raise not_running(engine, row)
    try:
        connection = connect(engine.folder(row.id))
    except ShimGone:
        raise not_running(engine, row) from None
    connection.socket.send(first_frame(stdin=stdin, tty=config["Tty"]))
    started = Started(row.id, connection)
    return stay_attached(engine, started, stdin=stdin, tty=config["Tty"], keys=detach_keys, proxy=sig_proxy)

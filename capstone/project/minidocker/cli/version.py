"""``minidocker version`` and ``info``."""

from __future__ import annotations

import os
import sys

import click

from minidocker import VERSION
from minidocker.engine.base import Engine


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def version(as_json: bool) -> None:
    """Show the version."""
    from ._table import print_json_lines

    system = os.uname()
    facts = {
        "Version": VERSION,
        "Python": sys.version.split()[0],
        "Kernel": system.release,
        "Os": "linux",
        "Arch": system.machine,
    }
    if as_json:
        print_json_lines([facts])
        return
    for name, value in facts.items():
        click.echo(f"{name + ':':10} {value}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def info(root: str, as_json: bool) -> None:
    """Show what this MiniDocker stands on, and how much it keeps."""
    from minidocker.engine.base import details
    from minidocker.engine.settle import settle
    from section03_cgroups import Hierarchy

    from ._table import print_json_lines

    engine = Engine(root)
    living = settle(engine)
    states = [details(row, engine.reported(row.id))["state"] for row in living]
    everything = engine.store.all()
    facts = {
        "Containers": len(everything),
        "ContainersRunning": states.count("running"),
        "ContainersStopped": len(everything) - len(living),
        "Images": len(engine.images.list()),
        "Driver": "overlay",
        "CgroupMode": Hierarchy.detect().mode,
        "KernelVersion": os.uname().release,
        "Architecture": os.uname().machine,
        "NCPU": os.cpu_count(),
        "MemTotal": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "Rootless": os.geteuid() != 0,
        "DockerRootDir": engine.root.path,
        "ServerVersion": VERSION,
    }
    if as_json:
        print_json_lines([facts])
        return
    for name, value in facts.items():
        click.echo(f"{name}: {value}")

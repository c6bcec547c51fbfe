"""``jailman inspect``: everything about one jail."""

from __future__ import annotations

import os
from typing import Any

import click

from ..jailplans import METHODS, jail_mounts
from ..jails import Jails
from ..occupants import Occupants
from .common import JSON, jail_as_dict, print_json, printable


@click.command()
@click.argument("name")
@JSON
@click.pass_obj
def inspect(jails: Jails, name: str, as_json: bool) -> None:
    """Show jail NAME: its root and source, programs, files and who needs them, mounts it gets, who is inside now."""
    jail = jails.find(name)
    found = Occupants.of(jail.root)
    userns = os.geteuid() != 0
    facts = jail_as_dict(jail) | {
        "needed_by": jail.needed_by,
        "warnings": jail.warnings,
        "mounts": {method: jail_mounts(method, userns=userns) for method in METHODS},
        "mounted": [{"pid": pid or None, "target": target} for pid, target in found.mounts],
    }
    if as_json:
        print_json(facts)
    else:
        click.echo("\n".join(map(printable, _lines(facts))))


def _lines(facts: dict[str, Any]) -> list[str]:
    """Return the facts for people."""
    lines = [f"{key:9} {facts[key]}" for key in ("name", "root", "source", "created")]
    lines.append(f"{'size':9} {facts['size']} bytes")
    lines.append(f"{'programs':9} {' '.join(facts['programs']) or '-'}")
    lines.append(f"{'inside':9} {' '.join(map(str, facts['pids'])) or 'no process'}")
    lines += [f"{'warning':9} {text}" for text in facts["warnings"]]
    lines.append("mounts it gets (pivot_root)")
    lines += [f"  {m['destination']:9} {m['type']} {','.join(m['options'])}" for m in facts["mounts"]["pivot_root"]]
    if facts["needed_by"]:
        lines.append("files and who needs them")
        lines += [f"  {path}  ← {', '.join(by)}" for path, by in facts["needed_by"].items()]
    return lines

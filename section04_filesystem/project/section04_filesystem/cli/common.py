"""What several commands share: options and the jails' place.

What belongs here: what two or more files of this folder need. What does not: commands.
"""

from __future__ import annotations

import click

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show the steps and do nothing.")

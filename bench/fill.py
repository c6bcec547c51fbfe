"""Fill a state root with stopped containers, for measuring ``ps``: copies of the container named ``template``.

python fill.py STATE_ROOT COUNT
"""

from __future__ import annotations

import secrets
import sqlite3
import sys


def main(root: str, count: int) -> None:
    database = sqlite3.connect(f"{root}/state.db", isolation_level=None)
    columns = [row[1] for row in database.execute("PRAGMA table_info(containers)")]
    values = dict(
        zip(columns, database.execute("SELECT * FROM containers WHERE name = 'template'").fetchone(), strict=True)
    )
    database.execute("BEGIN IMMEDIATE")
    for number in range(count):
        values |= {"id": secrets.token_hex(32), "name": f"filled_{number}", "state": "exited"}
        marks = ", ".join("?" * len(columns))
        database.execute(f"INSERT INTO containers VALUES ({marks})", [values[c] for c in columns])
    database.execute("COMMIT")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""Many containers: thousands stopped cost `ps` nothing, several at once do not hurt each other."""

from __future__ import annotations

import itertools
import subprocess

import pytest

from minidocker import names
from minidocker import store as s
from minidocker.engine.base import Engine
from minidocker.engine.listing import containers

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def database_steps(root):
    """Return how many instructions SQLite's machine takes for `ps`: what it costs, whatever else the machine does."""
    engine, steps = Engine(root), itertools.count()
    engine.store._db.set_progress_handler(lambda: next(steps) < 0, 1)
    assert containers(engine) == []
    engine.store.close()
    return next(steps)


def test_ps_with_5000_stopped_containers(minidocker):
    minidocker("ps")
    without = database_steps(minidocker.root)
    store = s.Store(minidocker.root + "/state.db")
    store._db.execute("BEGIN")
    insert = (
        "INSERT INTO containers "
        "(id, name, state, created, image, image_id, command, auto_remove, labels, ports, config) "
        "VALUES (?, ?, 'exited', 0, 'i', 'i', 'c', 0, '{}', '[]', ?)"
    )
    store._db.executemany(insert, [(names.new_id(), f"old{i}", "x" * 3000) for i in range(5000)])
    store._db.execute("COMMIT")
    many = database_steps(minidocker.root)
    store._db.execute("DELETE FROM containers")
    store.close()
    assert 0 < without <= many <= without + 100, (many, without)


def test_eight_at_once(minidocker):
    running = [
        minidocker.start("run", "--rm", "tiny", "sh", "-c", f"echo {i}", stdout=subprocess.PIPE) for i in range(8)
    ]
    assert sorted(process.communicate(timeout=60)[0] for process in running) == [f"{i}\n" for i in range(8)]
    assert [process.returncode for process in running] == [0] * 8


def test_one_name_for_eight(minidocker):
    running = [
        minidocker.start(
            "run", "-d", "--name", "only", "--network", "none", "tiny", "sleep", "99",
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for _ in range(8)
    ]  # fmt: skip
    errors = [process.communicate(timeout=60)[1] for process in running]
    assert sorted(process.returncode for process in running) == [0] + 7 * [125]
    assert sum("'only' is in use" in error for error in errors) == 7
    assert minidocker("ps", "-a", "--format", "{{.Names}}") == "only"

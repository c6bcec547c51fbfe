"""Many containers: thousands stopped cost `ps` nothing, several at once do not hurt each other."""

from __future__ import annotations

import subprocess
import time

import pytest

from minidocker import names
from minidocker import store as s

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root")]


def fastest(minidocker, *words, times=7):
    """Return the least milliseconds that a command took."""
    taken = []
    for _ in range(times):
        began = time.monotonic()
        minidocker(*words)
        taken.append(1000 * (time.monotonic() - began))
    return min(taken)


def test_ps_with_5000_stopped_containers(minidocker):
    without = fastest(minidocker, "ps")
    store = s.Store(minidocker.root + "/state.db")
    store._db.execute("BEGIN")
    insert = (
        "INSERT INTO containers "
        "(id, name, state, created, image, image_id, command, auto_remove, labels, ports, config) "
        "VALUES (?, ?, 'exited', 0, 'i', 'i', 'c', 0, '{}', '[]', ?)"
    )
    store._db.executemany(insert, [(names.new_id(), f"old{i}", "x" * 3000) for i in range(5000)])
    store._db.execute("COMMIT")
    many = fastest(minidocker, "ps")
    store._db.execute("DELETE FROM containers")
    store.close()
    assert many - without <= 15, (many, without)


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

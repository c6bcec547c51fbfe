"""The store: intents, names, prefixes, volumes; and that thousands of stopped containers cost nothing."""

from __future__ import annotations

import os
import sqlite3
import stat
import time

import pytest

from minidocker import names
from minidocker import store as s
from minidocker.errors import AmbiguousPrefix, NameInUse, NoSuchContainer


def values(name, identity="", state=s.EXITED):
    return {
        "id": identity or names.new_id(), "name": name, "state": state, "created": time.time(), "image": "i",
        "image_id": "sha256:1", "command": "c", "auto_remove": 0, "labels": "{}", "ports": "[]", "config": "{}",
    }  # fmt: skip


@pytest.fixture
def store(tmp_path):
    opened = s.Store(str(tmp_path / "state.db"))
    yield opened
    opened.close()


def test_the_file_is_closed_to_others(store, tmp_path):
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600


def test_a_name_is_taken_once_and_the_error_names_the_owner(store):
    first = values("web")
    store.add(first, ())
    with pytest.raises(NameInUse, match=first["id"][:12]):
        store.add(values("web"), ())
    assert len(store.all()) == 1


def test_finding(store):
    for identity, name in (("ab" * 32, "one"), ("ac" * 32, "two"), ("cd" * 32, "ab")):
        store.add(values(name, identity), ())
    assert store.find("ab" * 32).name == "one"
    assert store.find("ab").name == "ab"  # a name beats a prefix
    assert store.find("aba").name == "one"
    with pytest.raises(AmbiguousPrefix):
        store.find("a")
    for missing in ("", "nope", "ff"):
        with pytest.raises(NoSuchContainer):
            store.find(missing)


def test_updates_only_from_the_states_that_are_named(store):
    row = values("web", state=s.LIVE)
    store.add(row, ())
    assert not store.update(row["id"], only_from=(s.CREATING,), state=s.CREATED)
    assert store.update(row["id"], only_from=(s.LIVE,), state=s.EXITED, exit_code=3)
    assert store.find("web").exit_code == 3


def test_volumes_belong_to_their_users(store):
    row = values("web")
    store.add(row, [("data", False), ("f" * 64, True)])
    assert store.users_of_volume("data") == [row["id"]]
    assert store.anonymous_volumes(row["id"]) == ["f" * 64]
    store.delete_volume("f" * 64)
    assert store.anonymous_volumes(row["id"]) == []
    store.delete(row["id"])
    assert store.users_of_volume("data") == []
    assert [v[0] for v in store.volumes()] == ["data"]


def test_a_failed_intent_leaves_nothing(store):
    store.add(values("web"), ())
    with pytest.raises(NameInUse):
        store.add(values("web"), [("data", False)])
    assert store.volumes() == []


def _open_at_once(path, gate):
    """Fork a process that opens the store when ``gate`` is closed; its exit status is 0 when it could."""
    pid = os.fork()
    if pid:
        return pid
    os.close(gate[1])
    os.read(gate[0], 1)
    try:
        assert s.Store(path).all() == []
    except BaseException as error:
        os.write(2, f"{error}\n".encode())
        os._exit(1)
    os._exit(0)


def test_eight_processes_may_open_a_new_store_at_the_same_moment(tmp_path):
    for turn in range(40):
        (folder := tmp_path / str(turn)).mkdir()
        gate = os.pipe()
        pids = [_open_at_once(str(folder / "state.db"), gate) for _ in range(8)]
        os.close(gate[1])
        assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 8
        os.close(gate[0])
        assert not (folder / "state.db.new").exists()


def test_what_a_killed_maker_left_is_swept_by_the_next(tmp_path):
    for suffix in ("", "-wal", "-journal"):
        (tmp_path / f"state.db.new{suffix}").write_bytes(b"half")
    s.Store(str(tmp_path / "state.db")).close()
    assert [path.name for path in tmp_path.iterdir()] == ["state.db"]


def test_a_newer_database_is_refused(tmp_path):
    path = str(tmp_path / "state.db")
    s.Store(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(sqlite3.DatabaseError, match="newer"):
        s.Store(path)


def test_unsettled_rows_are_found_through_an_index(store):
    plan = store._db.execute("EXPLAIN QUERY PLAN " + s._SELECT + s._UNSETTLED).fetchall()
    assert "unsettled" in plan[0][3]


def test_names_and_ids():
    assert names.valid_name(names.random_name())
    assert len(names.new_id()) == 64
    assert not any(names.valid_name(bad) for bad in ("", "a", "-a", "a b", "a/b", "ä1"))

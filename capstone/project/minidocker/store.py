"""The engine's memory: containers and volumes in SQLite.

What belongs here: rows in, rows out, each in one short transaction. What does not: anything that forks, loads or asks
the kernel: no transaction is ever held over that (design.md §5).

A container's state, and who may change its row:

=========  ========================================================  ==================================================
state      means                                                     next
=========  ========================================================  ==================================================
creating   a command makes its folder (and holds its lock)           created, or healed away
created    complete, never started                                   live
live       a shim was started (status.json has the details)          exited, by fold or heal
exited     ended; the row has the result                             live (start), removing
removing   somebody is removing it                                   gone, or healed: removed to the end
=========  ========================================================  ==================================================
"""

from __future__ import annotations

import _sqlite3 as sqlite3  # the package around it only adds adapters for dates, and imports datetime for them
import fcntl
import os
import time

from section01_processes import parse_json

from .errors import AmbiguousPrefix, EngineError, NameInUse, NoSuchContainer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

VERSION = 1
CREATING, CREATED, LIVE, EXITED, REMOVING = "creating", "created", "live", "exited", "removing"
#: States that a command looks at before it does anything else.
UNSETTLED = (CREATING, LIVE, REMOVING)

_SCHEMA = """
CREATE TABLE containers (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL, created REAL NOT NULL,
  image TEXT NOT NULL, image_id TEXT NOT NULL, command TEXT NOT NULL, auto_remove INTEGER NOT NULL,
  labels TEXT NOT NULL, ports TEXT NOT NULL, config TEXT NOT NULL,
  started TEXT NOT NULL DEFAULT '', finished TEXT NOT NULL DEFAULT '', exit_code INTEGER NOT NULL DEFAULT 0,
  oom_killed INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', restarts INTEGER NOT NULL DEFAULT 0,
  stopped INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX unsettled ON containers(state) WHERE state IN ('creating', 'live', 'removing');
CREATE INDEX by_image ON containers(image_id);
CREATE TABLE volumes (
  name TEXT PRIMARY KEY, created REAL NOT NULL, anonymous INTEGER NOT NULL, labels TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE volume_users (
  volume TEXT NOT NULL, container TEXT NOT NULL, PRIMARY KEY (volume, container)
) WITHOUT ROWID;
CREATE INDEX volumes_of ON volume_users(container);
"""
_COLUMNS = (
    "id", "name", "state", "created", "image", "image_id", "command", "auto_remove", "labels", "ports",
    "config", "started", "finished", "exit_code", "oom_killed", "error", "restarts", "stopped",
)  # fmt: skip
_UNSETTLED = "WHERE state IN ('creating', 'live', 'removing') ORDER BY created"
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM containers "


class Row:
    """One container as the database knows it. ``labels``, ``ports`` and ``config`` are JSON texts."""

    __slots__ = _COLUMNS
    if TYPE_CHECKING:
        id: str
        name: str
        state: str
        created: float
        image: str
        image_id: str
        command: str
        auto_remove: bool
        labels: str
        ports: str
        config: str
        started: str
        finished: str
        exit_code: int
        oom_killed: bool
        error: str
        restarts: int
        stopped: bool

    def __init__(self, values: Iterable[Any]) -> None:
        for name, value in zip(_COLUMNS, values, strict=True):
            setattr(self, name, value)

    def parsed(self, column: str) -> Any:
        """Return the value of a JSON column."""
        return parse_json(getattr(self, column))


class Store:
    """The database below a state root. Each method is one transaction; use it in one process and thread."""

    __slots__ = ("_db",)

    def __init__(self, path: str) -> None:
        """Open ``path``, making it (0600) at the first use. Raises sqlite3.Error, and OSError from its folder."""
        if not os.path.exists(path):
            _make(path)
        self._db = _connect(path)
        self._db.execute("PRAGMA synchronous=NORMAL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            self._db.close()
            why = "by a newer MiniDocker" if version > VERSION else "by something else, or not to the end"
            raise sqlite3.DatabaseError(f"it was written {why} (version {version}, ours is {VERSION})")

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    # Containers

    def add(self, values: dict[str, Any], volumes: Iterable[tuple[str, bool]]) -> None:
        """Commit a new container in state ``creating`` and its ``volumes`` (name, anonymous). Raises NameInUse."""
        names = list(values)
        insert = f"INSERT INTO containers ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        try:
            with self._transaction():
                self._db.execute(insert, list(values.values()))
                for volume, anonymous in volumes:
                    row = (volume, values["created"], int(anonymous), "{}")
                    self._db.execute("INSERT OR IGNORE INTO volumes VALUES (?, ?, ?, ?)", row)
                    self._db.execute("INSERT OR IGNORE INTO volume_users VALUES (?, ?)", (volume, values["id"]))
        except sqlite3.IntegrityError:
            owner = self._db.execute("SELECT id FROM containers WHERE name=?", (values["name"],)).fetchone()
            raise NameInUse(values["name"], owner[0] if owner else "that has just gone") from None

    def update(self, identity: str, *, only_from: tuple[str, ...] = (), **values: Any) -> bool:
        """Set columns of container ``identity`` (only when it is in one of ``only_from``); tell whether it was."""
        names = ", ".join(f"{name}=?" for name in values)
        where = " WHERE id=?" + (f" AND state IN ({', '.join('?' * len(only_from))})" if only_from else "")
        with self._transaction():
            cursor = self._db.execute(f"UPDATE containers SET {names}{where}", [*values.values(), identity, *only_from])
        return cursor.rowcount > 0

    def delete(self, identity: str) -> None:
        """Forget a container."""
        with self._transaction():
            self._db.execute("DELETE FROM volume_users WHERE container=?", (identity,))
            self._db.execute("DELETE FROM containers WHERE id=?", (identity,))

    def anonymous_volumes(self, identity: str) -> list[str]:
        """Return the anonymous volumes that container ``identity`` uses."""
        query = (
            "SELECT name FROM volumes JOIN volume_users ON volume=name WHERE container=? AND anonymous=1 ORDER BY name"
        )
        return [row[0] for row in self._db.execute(query, (identity,))]

    def unsettled(self) -> list[Row]:
        """Return the rows that a command must look at first, oldest first."""
        return [Row(r) for r in self._db.execute(_SELECT + _UNSETTLED)]

    def all(self) -> list[Row]:
        """Return every row, newest first."""
        return [Row(r) for r in self._db.execute(_SELECT + "ORDER BY created DESC")]

    def get(self, identity: str) -> Row | None:
        """Return the row with this full id, or None."""
        found = self._db.execute(_SELECT + "WHERE id=?", (identity,)).fetchone()
        return Row(found) if found else None

    def find(self, reference: str) -> Row:
        """Return the container with this id, name or unique prefix. Raises NoSuchContainer, AmbiguousPrefix."""
        found = self._db.execute(_SELECT + "WHERE id=?1 OR name=?1 ORDER BY id=?1 DESC", (reference,)).fetchone()
        if found:
            return Row(found)
        if not reference or not frozenset("0123456789abcdef").issuperset(reference):
            raise NoSuchContainer(reference)
        matches = self._db.execute(_SELECT + "WHERE id>=? AND id<? LIMIT 3", (reference, reference + "g")).fetchall()
        if not matches:
            raise NoSuchContainer(reference)
        if len(matches) > 1:
            raise AmbiguousPrefix(reference, [m[0] for m in matches])
        return Row(matches[0])

    def name_taken(self, name: str) -> str:
        """Return the id of the container called ``name``, or ""."""
        found = self._db.execute("SELECT id FROM containers WHERE name=?", (name,)).fetchone()
        return str(found[0]) if found else ""

    def users_of_image(self, image_id: str) -> list[str]:
        """Return the ids of the containers that were made from this image."""
        return [r[0] for r in self._db.execute("SELECT id FROM containers WHERE image_id=?", (image_id,))]

    # Volumes

    def add_volume(self, name: str, *, anonymous: bool, labels: str = "{}") -> bool:
        """Note a volume; return whether it is new."""
        with self._transaction():
            values = (name, time.time(), int(anonymous), labels)
            return self._db.execute("INSERT OR IGNORE INTO volumes VALUES (?, ?, ?, ?)", values).rowcount > 0

    def volumes(self) -> list[tuple[str, float, bool, str]]:
        """Return (name, created, anonymous, labels as JSON) of every volume, by name."""
        return self._db.execute("SELECT name, created, anonymous, labels FROM volumes ORDER BY name").fetchall()

    def users_of_volume(self, name: str) -> list[str]:
        """Return the ids of the containers that use volume ``name``."""
        return [r[0] for r in self._db.execute("SELECT container FROM volume_users WHERE volume=?", (name,))]

    def delete_volume(self, name: str) -> None:
        """Forget a volume and who used it. The caller holds the exclusive lease and knows that nobody else does."""
        with self._transaction():
            self._db.execute("DELETE FROM volume_users WHERE volume=?", (name,))
            self._db.execute("DELETE FROM volumes WHERE name=?", (name,))


def _connect(path: str) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=20.0, isolation_level=None, check_same_thread=False)


def _make(path: str) -> None:
    """Make the database complete under another name, then rename it: nobody ever opens half of one.

    SQLite answers "database is locked" at once, without its busy timeout, when two processes switch one file to WAL.
    The lock is on the folder: closing any descriptor of a database drops the locks that SQLite has on it (fcntl(2)).
    """
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if os.path.exists(path):
            return  # another process was faster
        unfinished = path + ".new"
        for suffix in ("", "-wal", "-shm", "-journal"):
            if os.path.exists(unfinished + suffix):
                os.unlink(unfinished + suffix)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        db = _connect(unfinished)
        db.execute("PRAGMA journal_mode=WAL")
        with _Transaction(db):
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version={VERSION}")
        db.close()  # the last one to close writes the log into the file and removes it
        os.rename(unfinished, path)
    finally:
        os.close(folder)


class _Transaction:
    """``with``: BEGIN IMMEDIATE … COMMIT, or ROLLBACK when the block raised."""

    __slots__ = ("_db",)

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, value: object, traceback: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def open_store(path: str) -> Store:
    """Return the store in ``path``. Raises EngineError when it cannot be opened."""
    try:
        return Store(path)
    except sqlite3.Error as error:
        hint = "is there space left?" if any(word in str(error) for word in ("full", "I/O")) else ""
        raise EngineError(f"cannot open the state database {path}: {error}", hint=hint) from None

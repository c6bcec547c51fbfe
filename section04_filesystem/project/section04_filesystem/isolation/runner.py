"""Run techniques against methods on a stage, and judge: the life of one test.

What belongs here: the order of things, time limits, judging. What does not: how to confine, what is attempted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import time

from section01_processes import LcmError, set_death_signal, spawn
from section02_namespaces import (
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    IdMap,
    inside_user_namespace,
    unshare,
    write_id_maps,
)
from section04_filesystem.core.root import set_propagation
from section04_filesystem.errors import FilesystemError

from . import reasons
from .accomplices import answer
from .link import Link
from .methods import METHODS, WEAK_METHODS
from .model import BROKEN, ESCAPED, NONCE, NOT_APPLICABLE, OPENED, SEEN, STOPPED, Cell, Matrix
from .stage import ATTEMPT_SECONDS, Stage, find_place
from .techniques import TECHNIQUES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from .model import IsolationMethod, Jailed, Technique

_KINDS = ("user", "mnt", "pid", "net", "cgroup")
_TOTAL_SECONDS = 300.0
_PATIENCE = 15.0  # seconds for the stage to clean up
CONTROL = "control"


def all_methods() -> list[IsolationMethod]:
    """Return this section's methods and those that other packages registered (entry points ``lcm.isolation``)."""
    from importlib.metadata import entry_points

    found = list(METHODS)
    for point in entry_points(group="lcm.isolation"):
        found += point.load()()
    return found


def methods_named(names: Sequence[str]) -> list[IsolationMethod]:
    """Return the methods called ``names``; all of them for an empty list. Raises FilesystemError."""
    known = {method.name: method for method in all_methods()}
    for name in names:
        if name not in known:
            raise FilesystemError(f"no method is called {name!r}", hint="there are: " + " ".join(known))
    return [known[name] for name in dict.fromkeys(names or known)]


def isolation_matrix(methods: Sequence[IsolationMethod], techniques: Sequence[Technique] = TECHNIQUES) -> Matrix:
    """Attempt every technique in every method, and in its control; return what came out.

    Forks: the caller must have one thread. Nothing is left when this returns. Raises LcmError when the stage itself
    cannot be had.
    """
    folder = find_place()
    reader, writer = os.pipe()
    link = Link(reader, writer)
    with spawn(lambda: _become_the_stage(link, folder, methods, techniques)) as child:
        os.close(writer)
        try:
            return _collect(link, methods, techniques)
        finally:
            os.close(reader)  # a stage that is not at its end yet (Ctrl-C) finds nobody reading, and cleans up
            if not select.select([child], [], [], _PATIENCE)[0]:
                child.signal(9)  # PID 1 of the stage dies with it, and so all that is in there
            child.wait()


def _collect(link: Link, methods: Sequence[IsolationMethod], techniques: Sequence[Technique]) -> Matrix:
    """Return the matrix of the cells that come in. Raises LcmError when they end too early."""
    cells: dict[bool, list[Cell]] = {True: [], False: []}
    end = time.monotonic() + _TOTAL_SECONDS
    while message := link.receive(max(0.0, end - time.monotonic())):
        if "end" in message:
            return Matrix([t.name for t in techniques], [m.name for m in methods], cells[False], cells[True])
        if "error" in message:
            raise LcmError(message["error"])
        control = message.pop("control")
        cells[control].append(Cell(**message))
    raise LcmError("the stage of the isolation test ended before the test did")


def _become_the_stage(
    link: Link, folder: str, methods: Sequence[IsolationMethod], techniques: Sequence[Technique]
) -> int:
    """In the first child: make the namespaces; in its child, PID 1 of the stage, run all attempts."""
    root = os.geteuid() == 0 and not inside_user_namespace()
    uid, gid = os.geteuid(), os.getegid()
    set_death_signal(9)
    os.umask(0o022)  # what lies outside is open to all: only a jail shall keep anybody from it
    os.setsid()  # the terminal's Ctrl-C is for our parent, which lets us clean up

    def stage() -> int:
        set_death_signal(9)
        try:
            set_propagation("/", "rprivate")
            for message in _all_cells(Stage(folder, root=root), methods, techniques):
                link.send(message)
        except (LcmError, OSError) as error:
            link.send({"error": f"cannot make the stage: {error}"})
        return 0

    try:
        if not root:
            unshare(CLONE_NEWUSER)
            write_id_maps(0, [IdMap(0, uid, 1)], [IdMap(0, gid, 1)])
        unshare(CLONE_NEWNS | CLONE_NEWPID)
    except (LcmError, OSError) as error:
        link.send({"error": f"cannot make the stage: {error}"})
        return 1
    with spawn(stage) as child:
        return child.wait()


def _all_cells(stage: Stage, methods: Sequence[IsolationMethod], techniques: Sequence[Technique]) -> Any:
    """Yield every cell as a message, then the end. A control in a method that is tested, too, is attempted once."""
    known = {method.name: method for method in [*WEAK_METHODS, *methods]}
    cells: dict[tuple[str, str], Cell] = {}
    chosen = [method.name for method in methods]
    try:
        for name, method in known.items():
            wanted = [t for t in techniques if name in chosen or t.control == name]
            if wanted:
                cells.update(((cell.technique, name), cell) for cell in _cells_of(stage, method, wanted))
            for technique in wanted:
                if name in chosen:
                    yield {**cells[technique.name, name].as_dict(), "control": False}
                if technique.control == name:
                    yield {**cells[technique.name, name].as_dict(), "control": True}
        yield {"end": True}
    finally:
        stage.close()


def _cells_of(stage: Stage, method: IsolationMethod, techniques: Sequence[Technique]) -> list[Cell]:
    """Start ``method`` once, attempt ``techniques`` in it one after the other, stop it; return their cells."""
    lacking = _missing(stage, method.needs)
    if lacking:
        return [Cell(t.name, method.name, NOT_APPLICABLE, lacking) for t in techniques]
    try:
        jailed = method.start(stage)
    except (LcmError, OSError) as error:
        return [Cell(t.name, method.name, BROKEN, f"the method did not start: {error}") for t in techniques]
    try:
        with contextlib.suppress(BrokenPipeError):  # it could not enter, and has said why
            jailed.link.send(stage.world)
        told = jailed.link.receive(3 * ATTEMPT_SECONDS)
        if told is None or "error" in told:
            said = told["error"] if told else "its process did not begin"
            return [Cell(t.name, method.name, BROKEN, f"the method did not start: {said}") for t in techniques]
        facts = told["facts"]
        return [_cell(stage, method, jailed, technique, facts) for technique in techniques]
    except OSError as error:
        return [Cell(t.name, method.name, BROKEN, f"the jail ended: {error.strerror}") for t in techniques]
    finally:
        jailed.stop()


def _missing(stage: Stage, needs: Sequence[str]) -> str:
    """Return what of ``needs`` the stage lacks, in words, or an empty string."""
    return next((stage.lacks[need] for need in needs if need in stage.lacks), "")


def _cell(stage: Stage, method: IsolationMethod, jailed: Jailed, technique: Technique, facts: Any) -> Cell:
    """Attempt one technique and judge."""
    promised = method.promises(technique.name)
    lacking = _missing(stage, technique.needs)
    if lacking:
        return Cell(technique.name, method.name, NOT_APPLICABLE, lacking, promised=promised)
    jailed.link.send({"attempt": technique.name})
    seen = False
    while "result" not in (message := jailed.link.receive(2 * ATTEMPT_SECONDS) or _silence(technique)):
        reply = answer(stage, method, jailed, message)
        seen = seen or bool(reply.get("seen"))
        jailed.link.send(reply)
    result = message["result"]
    outcome, mechanism = judge(technique, result, seen=seen, nonce=stage.nonce().decode(), facts=facts)
    return Cell(technique.name, method.name, outcome, mechanism, errno=result.get("errno", 0),
                seconds=result.get("seconds", 0.0), promised=promised)  # fmt: skip


def _silence(technique: Technique) -> NoReturn:
    """Raise OSError: what comes later from this jail could be an answer to anything."""
    raise OSError(errno.ETIMEDOUT, f"no answer to {technique.name}")


def judge(technique: Technique, result: dict[str, Any], *, seen: bool, nonce: str, facts: Any) -> tuple[str, str]:
    """Return outcome and mechanism. What the jail claims counts only with its proof (model.py)."""
    if "broken" in result:
        return BROKEN, str(result["broken"])
    if "got" not in result:
        host = {kind: os.stat(f"/proc/self/ns/{kind}").st_ino for kind in _KINDS}
        return STOPPED, reasons.why(result, facts, host)
    proven = {NONCE: result["got"] == nonce, SEEN: seen, OPENED: result["got"] == OPENED}[technique.proof]
    said = {NONCE: "the canary was read", SEEN: "seen from outside", OPENED: "it was open for writing"}
    return (ESCAPED, said[technique.proof]) if proven else (STOPPED, "what was reached is not the canary")

"""``--dry-run`` and ``--explain``: the plans of every process, printed or told while they run.

What belongs here: gathering the plans, and the process that prints records as they come. What does not: how a step
reads (section 1's ``explain``).
"""

from __future__ import annotations

import os
import sys

from minidocker.engine.create import Job, prepare
from minidocker.engine.plans import all_plans
from minidocker.engine.run import Watch
from section01_processes import (
    PROCESSES,
    RECORD,
    Plan,
    describe_plan,
    explain_lines,
    explain_records,
    read_records,
    spawn,
)

from ._echo import echo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minidocker.engine.base import Engine
    from minidocker.options import Options

#: The record that ends a telling: no process has this number.
_END = RECORD.pack(0xFFFF, 0, 0, 0, 0)


def print_plans(engine: Engine, options: Options, env: list[str]) -> int:
    """Print what `run` would do, process by process; touch nothing."""
    job = prepare(engine, options, env, dry=True)
    for name, plan in all_plans(job).items():
        echo(f"-- {name}: {len(plan.steps)} steps")
        for line in describe_plan(plan):
            echo(line)
    return 0


class Explainer:
    """Tells the steps of a start while they happen, in a process of its own, on stderr or into a file."""

    __slots__ = ("_child", "_write", "watch")

    def __init__(self, job: Job, file: str) -> None:
        """``file``: where the JSON goes; "" to tell on standard error."""
        reader, self._write = os.pipe()
        writer = self._write

        def tell() -> int:
            os.close(writer)
            return _tell(job, file, reader)

        sys.stdout.flush()
        sys.stderr.flush()
        self._child = spawn(tell)
        os.close(reader)
        self.watch = Watch(self._write, os.environ.get("LCM_CRASH", ""))

    def finish(self) -> None:
        """End the telling, also while the shim lives on, and wait until all is told."""
        try:
            os.write(self._write, _END)
        except BrokenPipeError:
            pass
        os.close(self._write)
        with self._child:
            self._child.wait()


def _tell(job: Job, file: str, reader: int) -> int:
    """Be the teller: print or write every record; return the exit code."""
    code = 0
    try:
        plans = all_plans(job)
        records = _completed(read_records(reader), plans)
        if file:
            _write_file(file, plans, list(records))
        else:
            for line in explain_lines(plans, records):
                echo(line, err=True)
    except BaseException as error:
        echo(f"minidocker: warning: cannot explain: {error}", err=True)
        code = 1
    sys.stderr.flush()
    return code


def _write_file(file: str, plans: dict[str, Plan], records: list[tuple[int, ...]]) -> None:
    import json

    with open(file, "w", encoding="utf-8") as out:
        json.dump(explain_records(plans, records), out, indent=1)
        out.write("\n")


def _completed(records: Iterator[tuple[int, ...]], plans: dict[str, Plan]) -> Iterator[tuple[int, ...]]:
    """Yield the records before the one that ends the telling, and the one that nobody can write.

    The init's last step is execve: after it there is no init of ours to record it. That the command has been told
    "started" (its own last step) is the proof that it succeeded.
    """
    last = (PROCESSES.index("cli"), len(plans["cli"].steps) - 1, 0)
    for record in records:
        if record[0] == 0xFFFF:
            return
        if record[:3] == last:
            yield PROCESSES.index("init"), len(plans["init"].steps) - 1, 0, record[3] + record[4], 0
        yield record

"""Steps in words: what a dry run prints, and what ``--explain`` shows while it happens.

What belongs here: turning steps and records into lines and dictionaries. What does not: running them (``core/plan``).
Slow path: nothing here loads unless somebody asked to read.
"""

from __future__ import annotations

import inspect
import os
import re
from typing import TYPE_CHECKING, Any

from .core.plan import PROCESSES, RECORD, Plan, Slot, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ENVIRONMENT_NAMES = ("env", "environ", "environment")
LONGEST = 160


def describe_step(step: Step, slots: Mapping[str, Any] | None = None) -> str:
    """Return the call as one would write it: ``mount("proc", "/proc", flags=MS_NOSUID|MS_NODEV)``.

    A slot is shown by its text, or by its value where ``slots`` has it. Values of environment variables are not shown.
    """
    names = _parameters(step.act)
    shown = [_argument(step, name, value, slots or {}) for name, value in zip(names, step.args, strict=False)]
    shown += [_value(value, slots or {}) for value in step.args[len(names) :]]
    text = f"{step.act.__name__}({', '.join(shown)})"
    if step.out is not None:
        text += f" -> {_value(step.out, slots or {})}"
    return text


def describe_plan(plan: Plan) -> list[str]:
    """Return a line per step: number, call, what it is about, section and man page."""
    lines = []
    for number, step in enumerate(plan.steps):
        about = f"  # {step.about}" if step.about else ""
        lines.append(shorten(f"{plan.process} {number:2}  {describe_step(step)}{about}  [{_where(step)}]"))
    return lines


def explain_records(
    plans: Mapping[str, Plan] | Iterable[Plan], records: Iterable[tuple[int, ...]]
) -> list[dict[str, Any]]:
    """Return one dictionary per record, in the order they came: what ``--explain=FILE.json`` holds."""
    by_name = _by_name(plans)
    return [_explained(by_name, record) for record in records]


def explain_lines(plans: Mapping[str, Plan] | Iterable[Plan], records: Iterable[tuple[int, ...]]) -> Iterator[str]:
    """Yield a line per record, as it comes: process, step, duration, call, section, man page.

    ``records`` are tuples of RECORD, a list or ``read_records(fd)``. ``plans`` by process name, or plans that know it.
    One plan only, which ends in an execve: its last line is told when the records have ended (see with_execve).
    """
    by_name = _by_name(plans)
    alone = next(iter(by_name.values())) if len(by_name) == 1 else None
    if alone and alone.steps and manual_page(alone.steps[-1].act) == "execve(2)":
        records = with_execve(alone, records)
    for record in records:
        facts = _explained(by_name, record)
        failed = f"  !! {facts['error']}" if facts["error"] else ""
        about = f"  # {facts['about']}" if facts["about"] else ""
        yield shorten(
            f"{facts['process']:7} {facts['step']:3} {facts['milliseconds']:9.3f} ms  {facts['call']}{about}"
            f"  {facts['section']}  {facts['man']}{failed}"
        )


def read_records(fd: int) -> Iterator[tuple[int, ...]]:
    """Yield the records that processes write to the pipe whose read end is ``fd``, until the last writer has closed."""
    rest = b""
    while data := os.read(fd, RECORD.size * 64):
        rest += data
        whole = len(rest) - len(rest) % RECORD.size
        yield from RECORD.iter_unpack(rest[:whole])
        rest = rest[whole:]


def with_execve(plan: Plan, records: Iterable[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """Yield the records of ``plan``, whose last step is an execve, and in the end the one that nobody can write.

    After execve(2) there is no process of ours to record it. The pipe closes at exec: when it ends after the step
    before, without a record of an error, the last step succeeded. Its duration is not known: 0.
    """
    record: tuple[int, ...] = ()
    for record in records:
        yield record
    if record and record[1:3] == (len(plan.steps) - 2, 0):
        yield record[0], len(plan.steps) - 1, 0, record[3] + record[4], 0


def _by_name(plans: Mapping[str, Plan] | Iterable[Plan]) -> dict[str, Plan]:
    """Return the plans by the name of their process."""
    if hasattr(plans, "items"):
        return dict(plans.items())
    return {plan.process: plan for plan in plans}


def _explained(plans: dict[str, Plan], record: tuple[int, ...]) -> dict[str, Any]:
    """Return what record says, with the step it belongs to looked up."""
    index, number, errno, began, duration = record
    process = PROCESSES[index] if index < len(PROCESSES) else f"process {index}"
    steps = plans[process].steps if process in plans else []
    step = steps[number] if number < len(steps) else None
    return {
        "process": process,
        "step": number,
        "began_ns": began,
        "milliseconds": duration / 1e6,
        "errno": errno,
        "error": os.strerror(errno) if errno > 0 else "failed" if errno else "",
        "call": describe_step(step) if step else "?",
        "about": step.about if step else "",
        "section": _section(step) if step else "",
        "man": manual_page(step.act) if step else "",
    }


def _section(step: Step) -> str:
    """Return ``§4`` for an action of section04_…, otherwise the name of its package."""
    package = step.act.__module__.partition(".")[0]
    digits = package[7:9]
    return f"§{int(digits)}" if package.startswith("section") and digits.isdigit() else package


def _where(step: Step) -> str:
    """Return section and man page."""
    return " ".join(filter(None, (_section(step), manual_page(step.act))))


def _parameters(act: Any) -> list[str]:
    """Return the action's parameter names; none for a function that cannot say (ctypes)."""
    try:
        return [p.name for p in inspect.signature(act).parameters.values() if p.kind != p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        return []


def _argument(step: Step, name: str, value: Any, slots: Mapping[str, Any]) -> str:
    """Return one argument: flags by their constants' names, environments by their variables' names."""
    value = _resolved(value, slots)
    if isinstance(value, int) and (prefix := _prefix(step.act, name)):
        return f"{name}={flag_names(*_constants(step.act, prefix), value)}"
    if name in ENVIRONMENT_NAMES and not isinstance(value, (Slot, str, bytes, int)):
        return f"{name}={environment_names(value)}"
    return _value(value, slots)


def _prefix(act: Any, name: str) -> str:
    """Return the prefix of the constants for the action's argument ``name``, from ``action(…, flags=…)``; or ""."""
    for word in getattr(act, "flags", "").split():
        parameter, found, prefix = word.partition(":")
        if (parameter if found else "flags") == name:
            return prefix if found else parameter
    return ""


def _constants(act: Any, prefix: str) -> tuple[Mapping[str, Any], str]:
    """Return where the constants are and how they begin; ``k.MS_``: ``MS_`` in what the act's module imported as k."""
    known = getattr(act, "__globals__", {})
    module, _, prefix = prefix.rpartition(".")
    return (vars(known[module]) if module else known), prefix


def flag_names(constants: Mapping[str, Any], prefix: str, value: int) -> str:
    """Return ``MS_NOSUID|MS_BIND`` for ``value`` by those ``constants`` that begin with ``prefix``; the rest in hex."""
    table = {n: v for n, v in constants.items() if n.startswith(prefix) and isinstance(v, int)}
    for name, number in table.items():
        if number == value:
            return name
    names, rest = [], value
    for name, number in sorted(table.items(), key=lambda item: -item[1].bit_count()):
        if number > 0 and number & rest == number:
            names.append(name)
            rest &= ~number
    return "|".join([*sorted(names), *([hex(rest)] if rest or not names else [])]) if value else "0"


def environment_names(environment: Any) -> str:
    """Return only the names of an environment: values may be secrets."""
    pairs = environment.keys() if hasattr(environment, "keys") else environment
    names = [os.fsdecode(pair).partition("=")[0] for pair in pairs]
    return "{" + ", ".join(names) + "}"


def _resolved(value: Any, slots: Mapping[str, Any]) -> Any:
    """Return the slot's value where it is known, otherwise ``value`` itself."""
    return slots.get(value.name, value) if isinstance(value, Slot) else value


def _value(value: Any, slots: Mapping[str, Any]) -> str:
    """Return any other value, readable and not too long."""
    text = _readable(_resolved(value, slots))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _readable(value: Any) -> str:
    """Return ``value`` as text: bytes as words, functions and objects by name, an environment inside by its names."""
    if isinstance(value, (bytes, bytearray)):
        plain = bytes(value[:64]).isascii() and b"\0" not in value
        return repr(os.fsdecode(bytes(value))) if plain else f"<{len(value)} bytes>"
    own_text: Any = type(value).__repr__
    if own_text is dict.__repr__:
        pairs = (
            f"{key!r}: {environment_names(item) if key in ENVIRONMENT_NAMES and item else _readable(item)}"
            for key, item in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    if own_text in (list.__repr__, tuple.__repr__):
        inside = ", ".join(_readable(item) for item in value)
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if callable(value) and hasattr(value, "__name__"):
        return str(value.__name__)
    return f"<{type(value).__name__}>" if own_text is object.__repr__ else repr(value)


def shorten(line: str) -> str:
    """Cut long hexadecimal ids to their first twelve digits, as every list of containers shows them."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1…", line)


def manual_page(act: Any) -> str:
    """Return the manual page of an action: what it was marked with, or the first one its docstring names.

    A chapter of the OCI runtime specification (``runtime.md#state``) is told with the specification's name.
    """
    page = getattr(act, "man", "")
    if not page and (found := re.search(r"\b[\w-]+\(\d\w*\)", act.__doc__ or "")):
        page = found.group()
    return f"OCI runtime-spec {page}" if ".md#" in page else str(page)

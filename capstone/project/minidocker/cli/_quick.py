"""The quick lane: a usual command line parsed without click, whose import costs more than the parsing it does here.

What belongs here: parsing by the table (``_flags.py``) exactly as click does it, or not at all: for whatever is unusual
or wrong the answer is None, and click, which reads the same table, says what it has to say. What does not: messages.
"""

from __future__ import annotations

import os

from ._flags import GLOBAL, SPECS, parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._flags import Flags

    #: Switch → (parameter, what it takes: the table's word, what it sets the parameter to when it takes nothing).
    Known = dict[str, tuple[str, str, bool]]


def quick(given: list[str]) -> tuple[str, str | None, dict[str, Any]] | None:
    """Return the command, ``--root`` and the command's parameters; None when click must look at it."""
    if "_MINIDOCKER_COMPLETE" in os.environ:
        return None
    top = parse(GLOBAL, ("+words",), given, program=True)
    if top is None or top["debug"] or top["words"][0] not in SPECS:
        return None
    name, *rest = top["words"]
    flags, arguments, program = SPECS[name]
    values = parse(flags, arguments, rest, program=program)
    return None if values is None else (name, top["root"], values)


def parse(flags: Flags, arguments: tuple[str, ...], words: list[str], *, program: bool) -> dict[str, Any] | None:
    """Return every parameter's value; None for words that are not all as the table says.

    ``program``: the first argument ends the flags.
    """
    known, values = _table(flags)
    todo = words[::-1]
    rest: list[str] = []
    try:
        while todo:
            word = todo.pop()
            if word == "--":
                break
            if word[:1] == "-" and word != "-":
                (_long if word[1] == "-" else _cluster)(word, todo, known, values)
                continue
            rest.append(word)
            if program:
                break
        _place(arguments, rest + todo[::-1], values)
    except (LookupError, ValueError):  # an unknown flag, no value left, no number
        return None
    return values


def _table(flags: Flags) -> tuple[Known, dict[str, Any]]:
    """Return the switches, and every parameter with its default."""
    known: Known = {}
    values: dict[str, Any] = {}
    for names, takes, _help, *default in flags:
        name = parameter(names)
        on, _, off = names.partition("/")
        for switch in on.split():
            known[switch] = name, takes, True
        if off:
            known[off] = name, takes, False
        if takes:
            values[name] = () if takes[0] == "*" else None
        else:
            values[name] = bool(off)
        for text in default:
            _store(name, takes, text, values)
    return known, values


def _long(word: str, todo: list[str], known: Known, values: dict[str, Any]) -> None:
    """Take ``--flag``, ``--flag=value`` or ``--flag value``."""
    switch, equals, text = word.partition("=")
    name, takes, on = known[switch]
    if not takes:
        if equals:
            raise ValueError(word)
        values[name] = on
    elif takes[0] != "[":
        _store(name, takes, text if equals else todo.pop(), values)
    elif not equals:
        values[name] = "-"
    elif text[:1] == "-" and text != "-":
        raise ValueError(word)
    else:
        values[name] = text


def _cluster(word: str, todo: list[str], known: Known, values: dict[str, Any]) -> None:
    """Take ``-it``, ``-evalue``, ``-e value`` or ``-itevalue``: the first letter that takes a value gets the rest."""
    for i, letter in enumerate(word[1:], 2):
        name, takes, on = known["-" + letter]
        if takes:
            _store(name, takes, word[i:] or todo.pop(), values)
            return
        values[name] = on


def _store(name: str, takes: str, text: str, values: dict[str, Any]) -> None:
    """Set or lengthen one parameter."""
    if takes[0] == "*":
        values[name] += (text,)
    else:
        values[name] = int(text) if takes == "INTEGER" else text


def _place(arguments: tuple[str, ...], rest: list[str], values: dict[str, Any]) -> None:
    """Give the words that are no flags to the arguments; only the last one may take several."""
    for argument in arguments:
        if argument[0] in "*+":
            values[argument[1:]] = tuple(rest)
            if argument[0] == "+" and not rest:
                raise ValueError(argument)
            return
        values[argument] = rest[0]
        rest = rest[1:]
    if rest:
        raise ValueError(rest)

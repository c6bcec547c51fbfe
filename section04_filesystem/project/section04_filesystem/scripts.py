"""What a script needs to run: its ``#!`` line. See execve(2), "Interpreter scripts", and env(1).

What belongs here: reading that line. What does not: copying what it names (``hostroot.py``).
"""

from __future__ import annotations

#: The kernel reads so much of the file (BINPRM_BUF_SIZE), and follows so many scripts that are run by scripts.
LONGEST_LINE = 256
DEEPEST = 5
#: Options of env(1) whose value is a word of its own.
_WITH_VALUE = ("-u", "--unset", "-C", "--chdir", "-a", "--argv0")


def interpreter_line(head: bytes) -> str:
    """Return what is after ``#!`` in the first bytes of a file, without blanks around; "" for no script. Pure."""
    if not head.startswith(b"#!"):
        return ""
    return head[2:LONGEST_LINE].partition(b"\n")[0].decode(errors="surrogateescape").strip(" \t")


def script_interpreters(path: str) -> list[str]:
    """Return the programs that file ``path`` needs by its ``#!`` line: ``/bin/sh``, or env and what it finds."""
    with open(path, "rb") as file:
        words = interpreter_line(file.read(LONGEST_LINE)).split()
    if not words:
        return []
    if words[0].rpartition("/")[2] != "env":
        return words[:1]
    return [words[0], *_run_by_env(words[1:])]


def _run_by_env(words: list[str]) -> list[str]:
    """Return the program (none or one) that env(1) would run: the first word that is no option and no variable."""
    value_follows = False
    for word in words:
        text = word.removeprefix("--split-string=")
        if text.startswith("-S") and len(text) > len("-S"):
            text = text[len("-S") :]
        if value_follows or text.startswith("-") or "=" in text:
            value_follows = not value_follows and text in _WITH_VALUE
            continue
        return [text.strip("'\"")]
    return []

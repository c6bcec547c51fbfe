"""The states of a process in words: the letter of /proc/PID/stat, its name, and what it means.

What belongs here: the table. What does not: reading a state (``core/stat.py``), bringing a process into one
(``demo/states.py``).
"""

from __future__ import annotations

#: proc_pid_stat(5), field 3; the words are those of the kernel's fs/proc/array.c.
STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "disk sleep",
    "T": "stopped",
    "t": "tracing stop",
    "Z": "zombie",
    "X": "dead",
    "I": "idle",
    "P": "parked",
}

#: The same for people: what the process is doing, and what ends the state.
MEANING = {
    "R": "has a CPU, or waits for one",
    "S": "waits for something, and a signal wakes it",
    "D": "waits, and no ordinary signal wakes it: disk or network file system, a vfork child's exec",
    "T": "stopped by SIGSTOP or job control, until SIGCONT",
    "t": "stopped under a tracer (ptrace), until the tracer lets it go on",
    "Z": "dead; its exit status waits for its parent",
    "X": "dead and waited for: between two instructions of the kernel, hardly ever seen",
    "I": "a kernel thread that waits and does not count as load",
    "P": "a kernel thread that waits for its CPU to come back",
}


def state_name(letter: str) -> str:
    """Return the word for a state's letter; the letter itself for one that this table does not know."""
    return STATES.get(letter, letter)

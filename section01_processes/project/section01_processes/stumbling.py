"""The stumbling blocks of this section: where learners get stuck, as data.

What belongs here: id → (symptom, cause, remedy, where to read). What does not: printing them (``./course explain``).
"""

from __future__ import annotations

STUMBLING_BLOCKS: dict[str, dict[str, str]] = {
    "LCM-PROC-01": {
        "symptom": "reading a pipe never ends, though the writer has gone",
        "cause": "a pipe ends when its last write end is closed, and somebody still holds one: the reader itself, or "
        "another child that inherited it",
        "remedy": "close the write end in the parent right after the fork; make descriptors close-on-exec (pipe2)",
        "link": "pipe(7)",
    },
    "LCM-PROC-02": {
        "symptom": "two children end, one SIGCHLD arrives, one zombie stays",
        "cause": "equal ordinary signals do not queue: a pending one absorbs the next",
        "remedy": "after each SIGCHLD wait in a loop (WNOHANG) until no child is left that has ended",
        "link": "signal(7)",
    },
    "LCM-PROC-03": {
        "symptom": "output is printed twice after a fork",
        "cause": "the text was still in a buffer, and fork copied the buffer; both processes flushed it",
        "remedy": "flush before the fork, and leave the child by _exit, which flushes nothing",
        "link": "fork(2), _exit(2)",
    },
    "LCM-PROC-04": {
        "symptom": "a process named 'a) (b' breaks the parser of /proc/PID/stat",
        "cause": "the name stands unquoted in parentheses and may itself hold parentheses and blanks",
        "remedy": "split at the last ')' of the line",
        "link": "proc_pid_stat(5)",
    },
    "LCM-PROC-05": {
        "symptom": "DeprecationWarning: fork in a multi-threaded process; a child that hangs",
        "cause": "only the forking thread lives on in the child; a lock that another thread held stays locked for ever",
        "remedy": "fork before any thread is started, or keep a process with one thread for forking",
        "link": "fork(2)",
    },
    "LCM-PROC-06": {
        "symptom": "kill -9 does not remove a process shown as Z or <defunct>",
        "cause": "it is dead already; what is left is its exit status, kept for its parent",
        "remedy": "its parent must wait for it; if that is gone or broken, end the parent, and PID 1 waits",
        "link": "wait(2)",
    },
    "LCM-TTY-01": {
        "symptom": "cannot set terminal process group: no job control in this shell",
        "cause": "the shell's terminal is not the controlling terminal of its session",
        "remedy": "setsid, then TIOCSCTTY on a pseudo-terminal of its own, then exec the shell",
        "link": "credentials(7), ioctl_tty(2)",
    },
}

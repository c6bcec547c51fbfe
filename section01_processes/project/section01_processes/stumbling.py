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
    "LCM-PROC-07": {
        "symptom": "there are more processes than you asked for, or the parent's code runs twice",
        "cause": "fork returns in both processes; a child that does not leave by _exit, or whose exec failed, goes on "
        "in "
        "the code of its parent",
        "remedy": "put the child's part into a function of its own, and end it by os._exit in a finally clause",
        "link": "fork(2), _exit(2)",
    },
    "LCM-PROC-08": {
        "symptom": "the exit code is 0 though a signal ended the program, or it is 256 times too large",
        "cause": "the wait status holds two things in one number: an exit code, or the signal that ended the process",
        "remedy": "os.waitstatus_to_exitcode(status): not negative, it is the exit code; negative, show 128 + signal",
        "link": "wait(2)",
    },
    "LCM-PROC-09": {
        "symptom": "the second child starts when the first has ended; with much data, everything hangs",
        "cause": "the parent waits inside the loop that starts the children, and a pipe holds 64 KiB only",
        "remedy": "start all of them, close your own ends of the pipes, then wait for all of them",
        "link": "pipe(7)",
    },
    "LCM-PROC-10": {
        "symptom": "a program behaves in another way when your program starts it: it ignores SIGPIPE, or a pipe stays "
        "open",
        "cause": "execve keeps ignored signals, the signal mask, open descriptors, the umask and the working directory",
        "remedy": "reset them between fork and exec: signals to their default, an empty mask, close_range, umask, "
        "chdir",
        "link": "execve(2), signal(7)",
    },
    "LCM-PROC-11": {
        "symptom": "SIGTERM ends your program, and what it started lives on",
        "cause": "a signal goes to one process; whoever stands between must pass it on, from the first moment",
        "remedy": "block the signals before the fork, take them with sigtimedwait or in a handler, send them to the "
        "child, "
        "then wait for it",
        "link": "signal(7), kill(2)",
    },
    "LCM-PROC-12": {
        "symptom": "Ctrl-C ends a part of a pipeline, sometimes",
        "cause": "each stage made a group of its own, or joined the group before it was there",
        "remedy": "call setpgid(pid, first) in the parent and in the child: whoever is first wins, both mean the same; "
        "PermissionError in the parent means that the child was first and has its program already",
        "link": "setpgid(2)",
    },
    "LCM-PROC-13": {
        "symptom": "the daemon ends when its terminal is closed, or gets a terminal of its own by opening one",
        "cause": "it is still in the session of its starter; or it leads a session, and a leader that opens a "
        "terminal takes "
        "it",
        "remedy": "fork, setsid, fork again: the second child leads nothing",
        "link": "setsid(2), daemon(7)",
    },
    "LCM-PROC-14": {
        "symptom": "a pid file names nobody, the wrong process, or lets two daemons start",
        "cause": "a pid is given to somebody else later, a file that is opened for writing is empty for a moment, and "
        "two "
        "starts can look at the same time",
        "remedy": "hold a lock on a further file while you look and write; write the pid with its start time to a new "
        "file, and rename it into place",
        "link": "flock(2), rename(2)",
    },
    "LCM-PROC-15": {
        "symptom": "the start says that all is well, and the program is not there, or not ready",
        "cause": "the starter returned before anybody could know: a fork that works says nothing about what comes "
        "after it",
        "remedy": "let the program say that it is ready, through a pipe; the end of the pipe without a word is the "
        "failure",
        "link": "pipe(7)",
    },
    "LCM-TTY-01": {
        "symptom": "cannot set terminal process group: no job control in this shell",
        "cause": "the shell's terminal is not the controlling terminal of its session",
        "remedy": "setsid, then TIOCSCTTY on a pseudo-terminal of its own, then exec the shell",
        "link": "credentials(7), ioctl_tty(2)",
    },
}

"""A terminal of one's own: a session, a pseudo-terminal as its controlling terminal, and Ctrl-C typed by a program.

Run: ./course run python section01_processes/examples/06_terminal.py
Needs: nothing, no root.
You should see: before, `no controlling terminal`; then the terminal `pts/`; after Ctrl-C `killed by SIGINT`.
"""

import os
import signal

from section01_processes import ProcessStat, make_controlling_terminal, open_pty, signal_name, spawn

master, slave = open_pty()


def in_the_terminal() -> None:
    os.setsid()  # a new session has no terminal yet; it must lead one to take one
    tty = ProcessStat.of("self").tty
    os.write(1, b"after setsid: no controlling terminal\n" if tty == 0 else b"after setsid: a terminal?\n")
    make_controlling_terminal(slave)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.write(slave, b"ready\n")
    signal.pause()


with spawn(in_the_terminal) as child:
    os.read(master, 64)
    stat = ProcessStat.of(child.pid)
    print(f"session {stat.session} is its own: {stat.session == child.pid}, its terminal is pts/{os.minor(stat.tty)}")
    print(f"in the foreground: {stat.foreground == stat.pgrp}")
    os.write(master, b"\x03")  # what the keyboard sends for Ctrl-C; the kernel's line discipline makes the signal
    print(f"killed by {signal_name(child.wait() - 128)}")

"""A pipe ends when its last write end is closed, and the reader may be holding one itself (LCM-PROC-01).

Run: ./course run python section01_processes/examples/08_pipe_end.py
Needs: nothing, no root.
You should see: `no end` while a write end is open, then `the end`; and a writer without reader `killed by SIGPIPE`.
"""

import os
import select
import signal

from section01_processes import signal_name, spawn

reader, writer = os.pipe()  # Python's pipes are close-on-exec; they still pass through a fork


def ended() -> bool:
    """Whether the reader sees the end of the pipe: readable, and nothing to read."""
    return bool(select.select([reader], [], [], 0.2)[0]) and os.read(reader, 100) == b""


with spawn(lambda: os.write(writer, b"hello") and 0) as child:
    child.wait()
print("the child wrote", os.read(reader, 100), "and has ended")
print("the end" if ended() else "no end: one write end is still open, ours")
os.close(writer)
print("the end" if ended() else "no end?", "after we closed it")
os.close(reader)


def write_to_nobody() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and would raise BrokenPipeError
    inner_reader, inner_writer = os.pipe()
    os.close(inner_reader)
    os.write(inner_writer, b"hello?")


with spawn(write_to_nobody) as child:
    print("a writer without reader: killed by", signal_name(child.wait() - 128))

"""Three ways to share: memory, a FIFO, and nothing at all (fork copies).

Run: ./course run python section01_processes/examples/10_shared_memory.py
Needs: nothing, no root.
You should see: `the copy: 0`, `the shared page: 42`, and `through the FIFO: hello`.
"""

import mmap
import os
import tempfile

from section01_processes import spawn

copied = bytearray(1)
shared = mmap.mmap(-1, mmap.PAGESIZE)  # anonymous and MAP_SHARED: the one kind of memory that fork does not copy


def child() -> None:
    copied[0] = 42
    shared[0] = 42


with spawn(child) as process:
    process.wait()
print("the copy:", copied[0])
print("the shared page:", shared[0])

with tempfile.TemporaryDirectory() as folder:
    path = f"{folder}/fifo"
    os.mkfifo(path)  # a pipe with a name: who knows the path may open it

    def writer() -> None:
        with open(path, "w") as end:  # waits until somebody opens it for reading
            end.write("hello")

    with spawn(writer) as process, open(path) as fifo:
        print("through the FIFO:", fifo.read())
        process.wait()

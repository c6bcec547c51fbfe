"""An open file travels to another process: SCM_RIGHTS over a socket pair.

Run: ./course run python section01_processes/examples/09_pass_descriptor.py
Needs: nothing, no root.
You should see: the child reads `first line` and we, with the same file, `second line`: one file, one position.
"""

import os
import tempfile

from section01_processes import recv_message, send_message, socket_pair, spawn

ours, theirs = socket_pair()


def child() -> None:
    message = recv_message(theirs)
    assert message is not None
    text, descriptors = message
    print(f"the child got {text!r} and descriptor {descriptors[0]}:", os.read(descriptors[0], 11), flush=True)


with spawn(child) as process, tempfile.TemporaryFile() as file:
    file.write(b"first line\nsecond line\n")
    file.flush()
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    send_message(ours, b"a file for you", [file.fileno()])  # opened after the fork: nothing was inherited
    process.wait()
    print("we go on reading:", os.read(file.fileno(), 11))

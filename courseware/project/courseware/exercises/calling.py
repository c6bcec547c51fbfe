"""Call one function of a submission: the program that ``box.call`` starts in front of a function entry.

Its standard input is a socket: one JSON value comes in, [function, arguments], and one goes out, {"value": …}. The
submission's own input is empty, and what it prints is its output, never its answer. Started with ``-c`` and the text of
this file, so it stands alone; its one argument is the submission's file.
"""

from __future__ import annotations

import json
import os
import runpy
import sys


def main() -> None:
    """Read the request, call the function, write the answer."""
    answer = os.dup(0)  # not inheritable: a program that the submission starts does not have it
    with open(0, "rb", closefd=False) as file:
        name, arguments = json.loads(file.read())
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    sys.path[0] = os.path.dirname(sys.argv[1])
    del sys.argv[0]
    value = runpy.run_path(sys.argv[0], run_name="submission")[name](*arguments)
    text = json.dumps({"value": value}).encode()
    while text:
        text = text[os.write(answer, text) :]


main()

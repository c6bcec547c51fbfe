"""Fixtures: do something to this process's world in a child made for it."""

import marshal
import os

import pytest


class ChildError(Exception):
    """What the child raised: its type's name, text, errno and stumbling block."""

    def __init__(self, kind, text, errno, explain):
        super().__init__(f"{kind}: {text}")
        self.kind, self.text, self.errno, self.explain = kind, text, errno, explain


def run_in_child(run):
    """Fork; the child calls ``run`` and reports its value (numbers, texts, lists …) or its error, which is raised."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            answer = ("value", run())
        except BaseException as error:
            facts = (getattr(error, "errno", 0), getattr(error, "explain", ""))
            answer = ("error", type(error).__name__, str(error), *facts)
        os.write(writer, marshal.dumps(answer))
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    assert data, "the child ended without an answer"
    answer = marshal.loads(data)
    if answer[0] == "error":
        raise ChildError(*answer[1:])
    return answer[1]


@pytest.fixture
def in_child():
    """Return the function that runs another one in a child; ``in_child.error`` is what it raises."""
    run_in_child.error = ChildError
    return run_in_child

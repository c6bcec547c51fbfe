"""The stream between a program and the learner: one text in place of another, whatever the pieces."""

import os

import pytest

from courseware.relay import Relay

OLD, NEW = b"/tmp/lcm-ex-x/submission/", b"work/x/"
TEXT = b'File "/tmp/lcm-ex-x/submission/a.py" /tmp/lcm-ex-x/sub /tmp/lcm-ex-x/submission/\n/tmp/l'


@pytest.fixture
def pipe():
    """Return a function that makes a pipe; what of it is open at the end is closed."""
    made = []

    def make():
        made.extend(ends := os.pipe())
        return ends

    yield make
    for fd in made:
        try:
            os.close(fd)
        except OSError:
            pass


@pytest.mark.parametrize("size", [1, 2, 7, 30, 1000])
def test_the_text_is_replaced_however_it_is_cut(pipe, size):
    (reader, target), (never, _) = pipe(), pipe()
    relay = Relay(target, OLD, NEW)
    for start in range(0, len(TEXT), size):
        os.write(relay.end, TEXT[start : start + size])
        relay.pump(0, never)
    relay.drain()
    assert os.read(reader, 1000) == TEXT.replace(OLD, NEW)


def test_what_is_held_goes_out_when_nothing_follows(pipe):
    (reader, target), (never, _) = pipe(), pipe()
    relay = Relay(target, OLD, NEW)
    os.write(relay.end, b"prompt /")
    relay.pump(0, never)
    assert os.read(reader, 100) == b"prompt "
    relay.pump(0, never)
    assert os.read(reader, 100) == b"/"
    relay.drain()


def test_where_nobody_reads_the_program_is_told(pipe):
    (reader, target), (never, _) = pipe(), pipe()
    os.close(reader)
    relay = Relay(target, OLD, NEW)
    os.write(relay.end, b"lost\n")
    relay.pump(0, never)
    with pytest.raises(BrokenPipeError):
        os.write(relay.end, b"more\n")
    relay.drain()

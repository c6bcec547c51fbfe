import os
import signal
import termios
import time

import pytest

from section01_processes import (
    RawTerminal,
    get_size,
    make_controlling_terminal,
    open_pty,
    pty_number,
    set_size,
    spawn,
)

pytestmark = pytest.mark.lane("host", "guest")


@pytest.fixture
def pty():
    master, slave = open_pty()
    yield master, slave
    os.close(master)
    os.close(slave)


def test_a_pty_has_two_ends_a_number_and_no_heirs(pty):
    master, slave = pty
    assert os.ttyname(slave) == f"/dev/pts/{pty_number(master)}"
    assert not os.get_inheritable(master)
    assert not os.get_inheritable(slave)
    os.write(master, b"typed\n")
    assert os.read(slave, 99) == b"typed\n"


def test_size_is_seen_at_the_other_end(pty):
    master, slave = pty
    set_size(master, 33, 101)
    assert get_size(slave) == (33, 101)
    with open("/dev/null") as null, pytest.raises(OSError, match="ioctl"):
        get_size(null.fileno())


def controlled(slave, run):
    def child():
        os.setsid()
        make_controlling_terminal(slave)
        return run()

    return spawn(child)


def test_ctrl_c_reaches_the_session_that_the_terminal_controls(pty):
    master, slave = pty

    def wait_for_ctrl_c():
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs us in the background may have it ignored
        os.write(slave, b"ready")
        time.sleep(100)

    with controlled(slave, wait_for_ctrl_c) as child:
        assert os.read(master, 99) == b"ready"
        os.write(master, b"\x03")
        assert child.wait() == 128 + signal.SIGINT


def test_a_resize_sends_winch_to_the_foreground(pty):
    master, slave = pty

    def wait_for_winch():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGWINCH})
        os.write(slave, b"ready")
        signal.sigwait({signal.SIGWINCH})
        return get_size(slave)[0]

    with controlled(slave, wait_for_winch) as child:
        assert os.read(master, 99) == b"ready"
        set_size(master, 44, 80)
        assert child.wait() == 44


def test_raw_mode_passes_keys_through_and_is_undone(pty):
    master, slave = pty
    before = termios.tcgetattr(slave)
    with RawTerminal(slave) as terminal:
        assert terminal.active
        os.write(master, b"\x03\r\x11x")
        assert os.read(slave, 99) == b"\x03\r\x11x"  # no signal, no newline, no flow control
        os.set_blocking(master, False)
        with pytest.raises(BlockingIOError):  # and no echo
            os.read(master, 99)
    assert termios.tcgetattr(slave) == before
    assert not terminal.active


def test_raw_mode_is_undone_after_an_error_and_harmless_elsewhere(pty):
    _, slave = pty
    before = termios.tcgetattr(slave)
    with pytest.raises(ZeroDivisionError), RawTerminal(slave):
        _ = 1 // 0
    assert termios.tcgetattr(slave) == before
    reader, writer = os.pipe()
    with RawTerminal(reader) as terminal:
        assert not terminal.active
    os.close(reader)
    os.close(writer)

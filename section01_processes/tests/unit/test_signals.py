import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from section01_processes import UsageError, signal_name, signal_number
from section01_processes.signals import SIGNALS


def test_the_table_is_the_kernels():
    assert {f"SIG{name}": number for name, number in SIGNALS.items()}.items() <= {
        s.name: int(s) for s in signal.Signals
    }.items() | {("SIGSTKFLT", 16), ("SIGIO", 29)}
    assert sorted(SIGNALS.values()) == list(range(1, 32))


@given(st.integers(1, 64))
def test_name_and_number_are_inverse(number):
    assert signal_number(signal_name(number) if number not in (32, 33) else str(number)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("TERM", 15), ("SIGTERM", 15), ("sigterm", 15), ("15", 15), ("RTMIN", 34), ("SIGRTMIN+3", 37), ("RTMAX-1", 63),
     ("POLL", 29), ("CLD", 17), (" KILL ", 9)],
)  # fmt: skip
def test_the_spellings_that_docker_and_kill_know(text, number):
    assert signal_number(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "-1", "FOO", "RTMIN-1", "RTMAX+1", "RTMIN+31", "RTMIN+", "²", "9x"])
def test_anything_else_is_refused(text):
    with pytest.raises(UsageError):
        signal_number(text)

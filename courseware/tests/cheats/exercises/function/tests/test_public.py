"""A function's value, compared with an oracle."""

import signal

from courseware.exercises import points


def expected(number):
    """Return the right answer."""
    return signal.Signals(number).name.removeprefix("SIG")


@points(6, part="names")
def test_three_names(box, nonce):
    numbers = nonce.shuffled(range(1, 32))[:3]
    assert [box.call("name", n) for n in numbers] == [expected(n) for n in numbers], "three names were wanted"


@points(4, part="names")
def test_one_name(box, nonce):
    number = nonce.integer(1, 31)
    assert box.call("name", number) == expected(number), "one name was wanted"

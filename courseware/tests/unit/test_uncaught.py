"""Which exception a submission has ended with, by its standard error: its own, and not what others wrote there."""

import pytest

from courseware.exercises.whereabouts import uncaught

HEAD = "Traceback (most recent call last):\n"
OWN = HEAD + '  File "/sub/x.py", line 3, in <module>\n    f()\n    ^^^\n'
OTHER = HEAD + '  File "/folder/probe", line 1, in <module>\n    1 / 0\nZeroDivisionError: division by zero\n'
GROUP = (
    "  + Exception Group Traceback (most recent call last):\n"
    '  |   File "/sub/x.py", line 1, in <module>\n  |     raise g\n'
    "  | ExceptionGroup: two (1 sub-exception)\n  +-+---------------- 1 ----------------\n    | ValueError: a\n"
)


@pytest.mark.parametrize(
    ("err", "wanted"),
    [
        (OWN + "ValueError: bad\n", "ValueError: bad"),
        (OWN + "KeyboardInterrupt\n", "KeyboardInterrupt"),
        (OWN + "struct.error: unpack\n", "struct.error: unpack"),
        (OWN + "__main__.f.<locals>.Gone: a\nsecond line\n", "__main__.f.<locals>.Gone: a"),
        (OWN + "PermissionError: [Errno 1]\nyes: standard output: Broken pipe\n", "PermissionError: [Errno 1]"),
        (OWN + "yes: standard output: Broken pipe\nOSError: x\n", "OSError: x"),
        (OWN + "KeyError: 1\n\nDuring handling of it:\n\n" + OWN + "OSError: 2\n", "OSError: 2"),
        (OWN + "OSError: mine\n" + OTHER, "OSError: mine"),
        (GROUP, "ExceptionGroup: two (1 sub-exception)"),
        (OTHER, ""),
        ("yes: standard output: Broken pipe\n", ""),
        (HEAD + "yes: standard output: Broken pipe\n", ""),
        ("", ""),
    ],
)
def test_the_exception_is_the_submissions(err, wanted):
    assert uncaught(err.encode(), "/sub") == wanted

"""How not to judge: the answer runs in the grader's own process. Each cheat gets 10 points here, in some way.

``test_cheats.py`` copies it as ``test_public.py`` into a folder that holds ``x.py``, and starts it with the kind of
entry in KIND.
"""

import contextlib
import importlib.util
import io
import os
import runpy
import signal
import sys

import pytest


def expected(number):
    """Return the right answer."""
    return signal.Signals(number).name.removeprefix("SIG")


@pytest.mark.parametrize("number", [3, 11, 15])
def test_the_name(number):
    wanted = expected(number)
    if os.environ["KIND"] == "function":
        spec = importlib.util.spec_from_file_location("x", "x.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert module.name(number) == wanted
    else:
        sys.argv[1:] = [str(number)]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            runpy.run_path("x.py", run_name="__main__")
        assert out.getvalue().split() == [wanted]

"""``course ex watch``, as typed: a check after each change."""

import os
import signal

WRONG = "import sys\n\nprint(sys.argv[1])\nprint('\\x1b[2Jnoise', file=sys.stderr)\n"


def read_until(tool, words):
    text = b""
    while words.encode() not in text:
        piece = os.read(tool.stdout.fileno(), 4096)
        assert piece, text.decode()
        text += piece
    return text.decode()


def test_watch_checks_again_after_a_change_and_ends_on_full_points(begin, answer):
    path = answer(WRONG)
    tool = begin("ex", "watch", "greet", "--plain")
    try:
        text = read_until(tool, "waiting for a change of greet.py")
        assert text.startswith("watching greet.py: the first check runs now")
        assert text.count("watching greet.py") == 1
        assert "0 of 7 points" in text
        new = path.with_name("greet.py~")
        new.write_text("import sys\n\nprint(sys.argv[1][::-1])\n")
        os.replace(new, path)  # as editors save
        text = tool.communicate(timeout=100)[0].decode()
        assert "passed: 7 of 7 points" in text
        assert text.endswith("full points: no longer watching\n")
        assert tool.returncode == 0
    finally:
        tool.kill()
        tool.wait()


def test_watch_stands_a_file_that_is_gone_for_a_moment_and_ends_by_ctrl_c(begin, answer):
    path = answer(WRONG)
    tool = begin("ex", "watch", "greet", "--plain")
    try:
        read_until(tool, "waiting for a change")
        path.unlink()
        assert "greet.py is missing" in read_until(tool, "waiting for a change")
        tool.send_signal(signal.SIGINT)
        text = tool.communicate(timeout=60)[0].decode()
        assert tool.returncode == 130, text
        assert "Traceback" not in text
    finally:
        tool.kill()
        tool.wait()

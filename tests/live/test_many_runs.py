"""Many runs: nothing accumulates, nothing deadlocks, whoever starts how many at once."""

import subprocess
import sys
import threading

import pytest

from courseware import leaks

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "nft")]


def in_a_row(minidocker, count):
    for _ in range(count):
        minidocker("run", "--rm", "tiny", "true")


def at_once(minidocker, processes, each):
    """Run ``each`` containers from each of ``processes`` processes at the same time; return what went wrong."""
    script = (
        "import subprocess, sys\n"
        "for _ in range(int(sys.argv[1])): subprocess.run(sys.argv[2:], check=True, timeout=240)"
    )
    command = [
        sys.executable,
        "-c",
        script,
        str(each),
        *minidocker.command("run", "--rm", "-p", "127.0.0.1::80", "tiny", "true"),
    ]
    errors = []

    def one():
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            errors.append(done.stderr)

    threads = [threading.Thread(target=one) for _ in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def size_of(root):
    return sum(p.lstat().st_size for p in root.rglob("*"))


@pytest.mark.timeout(900)
def test_runs_in_a_row_and_at_once_leave_nothing(minidocker):
    minidocker("run", "--rm", "tiny", "true")
    before, state = leaks.quiet_snapshot(), minidocker.state()
    in_a_row(minidocker, 20)
    assert at_once(minidocker, processes=8, each=4) == []
    assert leaks.wait_until_equal(before) == []
    assert minidocker.state() - state == set()


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_five_hundred_in_a_row_and_two_hundred_at_once_leave_nothing(minidocker):
    minidocker("run", "--rm", "tiny", "true")
    before, state, size = leaks.quiet_snapshot(), minidocker.state(), size_of(minidocker.root)
    in_a_row(minidocker, 500)
    assert at_once(minidocker, processes=8, each=25) == []
    assert leaks.wait_until_equal(before) == []
    assert minidocker.state() - state == set()
    assert size_of(minidocker.root) < size + 8 * 2**20

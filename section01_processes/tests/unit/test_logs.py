"""The log of a detached process: bounded, rotated by rename, read back whole; and the detach keys."""

import os

import pytest

from section01_processes import LcmError
from section01_processes.manager.follow import LogReader
from section01_processes.manager.logfile import LogFile
from section01_processes.manager.terminal import DetachKeys


def lines(first, last):
    return b"".join(b"line %d\n" % n for n in range(first, last))


def whole(path, files=3, tail=None):
    reader = LogReader(str(path), files)
    if tail is not None:
        reader.skip_to_tail(tail)
    data = b"".join(reader.read())
    reader.close()
    return data


def test_the_log_is_bounded_and_cut_between_lines(tmp_path):
    path = tmp_path / "log"
    log = LogFile(str(path), max_size=100, max_files=3)
    for n in range(200):
        log.write(lines(n, n + 1))
    log.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert all(p.stat().st_size <= 100 and p.read_bytes().endswith(b"\n") for p in tmp_path.iterdir())
    kept = whole(path)
    assert lines(0, 200).endswith(kept)
    assert len(kept) > 200


def test_a_write_larger_than_the_log_goes_through_all_its_files(tmp_path):
    log = LogFile(str(tmp_path / "log"), max_size=1000, max_files=100)
    log.write(lines(0, 5000) + b"x" * 2500 + b"\nend")
    log.close()
    assert whole(tmp_path / "log", 100) == lines(0, 5000) + b"x" * 2500 + b"\nend"
    assert max(p.stat().st_size for p in tmp_path.iterdir()) <= 1000


def test_without_a_bound_nothing_is_rotated(tmp_path):
    log = LogFile(str(tmp_path / "log"))
    log.write(lines(0, 10000))
    log.close()
    assert [p.name for p in tmp_path.iterdir()] == ["log"]
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("tail", [0, 1, 2, 5, 30, 1000])
@pytest.mark.parametrize("end", [b"", b"unfinished"])
def test_the_tail_is_counted_through_the_files(tmp_path, tail, end):
    log = LogFile(str(tmp_path / "log"), max_size=64, max_files=10)
    log.write(lines(0, 40) + end)
    log.close()
    text = lines(0, 40) + end
    wanted = text.splitlines(keepends=True)[-tail:] if tail else []
    assert whole(tmp_path / "log", 10, tail) == b"".join(wanted)


def test_a_reader_goes_on_where_it_was_through_a_rotation(tmp_path):
    log = LogFile(str(tmp_path / "log"), max_size=50, max_files=4)
    reader = LogReader(str(tmp_path / "log"), 4)
    assert list(reader.read()) == []
    seen = b""
    for n in range(30):
        log.write(lines(n, n + 1))
        if n % 7 == 0:
            seen += b"".join(reader.read())
    assert seen + b"".join(reader.read()) == lines(0, 30)
    reader.close()
    log.close()


def test_a_full_disk_costs_lines_and_says_so(tmp_path, capfd):
    log = LogFile("/dev/full", max_size=10, max_files=2)
    log.write(b"lost")
    log.write(b"lost too")
    assert capfd.readouterr().err.count("No space left on device: output is lost") == 1
    log.close()
    log.path = str(tmp_path / "log")  # as if there were room again
    log.write(b"kept\n")
    log.close()
    assert (tmp_path / "log").read_bytes() == b"[procman: 12 bytes lost here: No space left on device]\nkept\n"


def test_what_cannot_be_a_log_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "nothing" / "log"):
        with pytest.raises(LcmError, match="cannot open log"):
            LogFile(str(path))
    reader = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(LcmError, match="neither a file nor a device"):
        LogFile(str(tmp_path / "fifo"))
    os.close(reader)


def test_the_detach_keys_are_found_wherever_the_reads_end():
    keys = DetachKeys()
    assert keys.feed(b"ab\x10") == (b"ab", False)
    assert keys.feed(b"c") == (b"\x10c", False)
    assert keys.feed(b"\x10") == (b"", False)
    assert keys.feed(b"\x11") == (b"", True)
    assert keys.feed(b"x\x10\x11y") == (b"x", True)

"""The log encoder against a plain one, line by line; rotation in a temporary folder."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from minidocker.shim.log import RECORD_MAX, Encoder, JsonFile, complete_characters, timestamp

TIME = "2026-01-31T12:00:00.123456789Z"


def plain(data):
    """Encode a whole stream the obvious way."""
    records = []
    while data:
        newline = data.find(b"\n")
        end = newline + 1 if 0 <= newline <= RECORD_MAX else min(len(data), RECORD_MAX)
        if not 0 <= newline <= RECORD_MAX:
            end = complete_characters(data, end)
        piece, data = data[:end], data[end:]
        records.append({"log": replace_each(piece), "stream": "stderr", "time": TIME})
    return records


def replace_each(data):
    """Decode UTF-8 with one U+FFFD for each byte that is none."""
    text = ""
    while data:
        for size in range(min(4, len(data)), 0, -1):
            try:
                text += data[:size].decode()
            except UnicodeDecodeError:
                continue
            break
        else:
            text, size = text + "\ufffd", 1
        data = data[size:]
    return text


pieces = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.text(max_size=20).map(str.encode),
        st.sampled_from([b"\n", b"\\n", b"\\\n", b'"', b"\x7f", b"\xc3", b"\xa4", b"\x7f\n", "€".encode() * 6000]),
        st.sampled_from([RECORD_MAX - 1, RECORD_MAX, RECORD_MAX + 1, 40000]).map(lambda n: b"x" * n),
    ),
    max_size=12,
)


@given(pieces)
def test_records_are_those_of_the_plain_encoder_however_the_stream_is_cut(chunks):
    encoder = Encoder("stderr")
    encoded = b"".join([*(encoder.feed(chunk, TIME) for chunk in chunks if chunk), encoder.finish(TIME)])
    assert [json.loads(line) for line in encoded.splitlines()] == plain(b"".join(chunks))


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_timestamp_is_rfc3339_with_nine_digits(nanoseconds):
    text = timestamp(nanoseconds)
    assert len(text) == len(TIME)
    assert int(text[20:29]) == nanoseconds % 1_000_000_000


def test_rotation_renames_and_never_truncates(tmp_path):
    path = tmp_path / "log.json"
    log = JsonFile(str(path), max_size=30, max_file=2)
    with path.open() as follower:
        log.write(b"".join(b"record %d\n" % n for n in range(10)))
        assert follower.read() == "record 0\nrecord 1\nrecord 2\nrecord 3\n"  # its file ended; nothing was taken away
    assert path.read_text() == "record 8\nrecord 9\n"
    assert (tmp_path / "log.json.1").read_text() == "record 4\nrecord 5\nrecord 6\nrecord 7\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.json", "log.json.1"]


def test_a_reopened_log_goes_on_and_one_file_is_replaced_when_full(tmp_path):
    path = tmp_path / "log.json"
    for number in range(6):
        log = JsonFile(str(path), max_size=20)
        log.write(b"record %d\n" % number)
        log.close()
    assert path.read_text() == "record 3\nrecord 4\nrecord 5\n"

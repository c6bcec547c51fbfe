import json
import os
import pathlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import section01_processes
from section01_processes import BadJson, files, format_json, parse_json, read_json, spawn, write_file

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_we_write_json_reads(value):
    text = format_json(value)
    assert text.isascii()
    assert json.loads(text) == value
    assert parse_json(text) == value


@given(VALUES, st.integers(0, 3))
def test_what_json_writes_we_read(value, indent):
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        assert parse_json(f" \r\n\t{text}\n") == value
    except BadJson:
        pytest.fail(text)


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn \\u\n', max_size=30))
def test_we_accept_exactly_what_json_accepts(text):
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(BadJson):
            parse_json(text)
    else:
        assert parse_json(text) == expected


@pytest.mark.parametrize("text", ["", " ", "NaN", "[Infinity]", "{} {}", b"\xff", "[" * 200_000])
def test_what_is_not_json_is_an_error_of_ours(text):
    with pytest.raises(BadJson):
        parse_json(text)


def test_paths_that_are_not_utf8_survive():
    name = os.fsdecode(b"caf\xe9")
    assert os.fsencode(parse_json(format_json({"p": name}))["p"]) == b"caf\xe9"


def test_the_stand_in_without_accelerators_means_the_same(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "_json", None)
    value = {"a": [1, 2.5, None, True, "é"]}
    assert "".join(files._make_encoder()(value)) == format_json(value)
    assert files._make_scanner()(format_json(value), 0)[0] == value


def test_not_json_is_refused_when_written():
    with pytest.raises(TypeError):
        format_json({"a": b"bytes"})
    with pytest.raises(ValueError, match="JSON"):
        format_json(float("nan"))


@pytest.mark.parametrize("durable", [True, False])
def test_write_file_replaces_whole_and_sets_the_exact_mode(tmp_path, durable):
    path = tmp_path / "status.json"
    path.write_text("old")
    old = os.umask(0o077)
    try:
        write_file(str(path), b"new", 0o644, durable=durable)
    finally:
        os.umask(old)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["status.json"]


def test_write_file_leaves_nothing_when_it_fails(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_file(str(tmp_path / "x"), "data")
    assert os.listdir(tmp_path) == ["x"]


@pytest.mark.needs("kernel")
def test_write_file_does_not_follow_a_planted_link(tmp_path):
    def run():
        os.symlink("/etc/hostname", tmp_path / f".s.{os.getpid()}~")
        write_file(str(tmp_path / "s"), "data")

    with spawn(run) as child:
        assert child.wait() != 0
    assert not (tmp_path / "s").exists()


@pytest.mark.needs("kernel")
def test_a_reader_never_sees_half_a_file(tmp_path):
    path = str(tmp_path / "s")
    write_file(path, format_json([0] * 1000))

    def writer():
        for number in range(200):
            write_file(path, format_json([number] * 1000), durable=False)

    with spawn(writer) as child:
        while child.poll() is None:
            value = read_json(path)
            assert len(value) == 1000
            assert len(set(value)) == 1
        assert child.wait() == 0


def test_read_json_names_the_file(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(BadJson, match=r"bad\.json"):
        read_json(str(tmp_path / "bad.json"))


def test_half_a_document_is_bad_json_also_without_the_json_module():
    code = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from section01_processes import BadJson, parse_json\n"
        "for text in ('{', '[1,', '\"\\\\u12', '{\"a\" 1}', ''):\n"
        "    try: parse_json(text)\n"
        "    except BadJson as error: print(error)\n"
    )
    project = pathlib.Path(section01_processes.__file__).parents[1]
    command = [sys.executable, "-I", "-S", "-c", code, str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 5

"""Docker's words: ps, templates, command lines with --explain."""

from __future__ import annotations

import pytest

from minidocker.cli._click import fill_explain
from minidocker.engine.inspect import render
from minidocker.engine.listing import parse_filters, ports_text, split_name, status_text
from minidocker.engine.logs import LogReader, tail_offset
from minidocker.errors import BadOption
from minidocker.units import rfc3339

TREE = {"State": {"Status": "running", "Pid": 5, "Ok": True}, "Args": ["a", "b"], "Labels": {"x y": "1"}, "Nil": None}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.State.Status}}", "running"),
        ("a {{ .State.Pid }} b", "a 5 b"),
        ("{{json .Args}}", '["a","b"]'),
        ("{{.Args}} {{.State.Ok}} {{.Nil}}", "[a b] true <no value>"),
        ("{{len .Args}}{{upper .State.Status}}", "2RUNNING"),
        ("{{index .Args 1}}", "b"),
        (r"{{.State.Pid}}\t{{.State.Pid}}", "5\t5"),
        ("{{.Labels}}", "map[x y:1]"),
        ("plain", "plain"),
    ],
)
def test_templates(template, text):
    assert render(template, TREE) == text


@pytest.mark.parametrize("template", ["{{.Nope}}", "{{.State", "{{range .Args}}", "{{.State.Pid.X}}"])
def test_bad_templates(template):
    with pytest.raises(BadOption, match="--format"):
        render(template, TREE)


def test_status_words():
    now = 1000.0
    told = {"state": "running", "started": rfc3339(995), "finished": "", "exit_code": 0}
    assert status_text(told, now) == "Up 5 seconds"
    assert (
        status_text({**told, "state": "exited", "finished": rfc3339(940), "exit_code": 3}, now)
        == "Exited (3) About a minute ago"
    )
    assert status_text({**told, "state": "created"}, now) == "Created"


def test_ports_and_names():
    assert ports_text([["80/tcp", "0.0.0.0", 8080], ["90/udp", "", 0]]) == "0.0.0.0:8080->80/tcp, 90/udp"
    assert split_name("localhost:5000/a/b:1.2") == ("localhost:5000/a/b", "1.2")
    assert split_name("localhost:5000/a") == ("localhost:5000/a", "latest")


def test_filters():
    assert parse_filters(("status=exited", "label=a=b")) == {"status": ["exited"], "label": ["a=b"]}
    for bad in ("status=odd", "what=1", "name"):
        with pytest.raises(BadOption, match="--filter"):
            parse_filters((bad,))


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        (["--explain", "tiny", "true"], ["--explain=-", "tiny", "true"]),
        (["--explain=f", "tiny"], ["--explain=f", "tiny"]),
        (["--name", "x", "--explain", "tiny"], ["--name", "x", "--explain=-", "tiny"]),
        (["-it", "--explain", "tiny"], ["-it", "--explain=-", "tiny"]),
        (["-itv", "/a:/b", "--explain", "tiny"], ["-itv", "/a:/b", "--explain=-", "tiny"]),
        (["-v/a:/b", "--explain", "tiny"], ["-v/a:/b", "--explain=-", "tiny"]),
        (["tiny", "prog", "--explain"], ["tiny", "prog", "--explain"]),
        (["--", "tiny", "--explain"], ["--", "tiny", "--explain"]),
    ],
)
def test_explain_takes_no_word_after_it(given, filled):
    assert fill_explain(given, {"--name", "-v", "--volume"}) == filled


def write_log(path, first, last):
    path.write_text("".join(f'{{"log":"{i}\\n","stream":"stdout","time":"t"}}\n' for i in range(first, last)))


def texts(reader):
    return [record["log"].strip() for batch in reader.read() for record in batch]


def test_a_log_is_read_oldest_file_first(tmp_path):
    write_log(tmp_path / "log.json.2", 0, 3)
    write_log(tmp_path / "log.json.1", 3, 6)
    write_log(tmp_path / "log.json", 6, 8)
    for tail, expected in ((-1, 8), (5, 5), (2, 2), (1, 1), (100, 8), (0, 0)):
        reader = LogReader(str(tmp_path))
        reader.open_at_tail(tail)
        assert texts(reader) == [str(i) for i in range(8 - expected, 8)], tail
        reader.close()


def test_a_rotation_between_two_reads_loses_nothing(tmp_path):
    write_log(tmp_path / "log.json", 0, 3)
    reader = LogReader(str(tmp_path))
    reader.open_at_tail(-1)
    assert texts(reader) == ["0", "1", "2"]
    with open(tmp_path / "log.json", "a") as file:
        file.write('{"log":"3\\n","stream":"stdout","time":"t"}\n')
    (tmp_path / "log.json").rename(tmp_path / "log.json.2")
    write_log(tmp_path / "log.json.1", 4, 6)
    write_log(tmp_path / "log.json", 6, 7)
    assert texts(reader) == ["3", "4", "5", "6"]
    reader.close()


def rotate(folder, first, end):
    """Rotate as the shim does, and write records into the new log.json."""
    for number in range(9, 1, -1):
        if (folder / f"log.json.{number - 1}").exists():
            (folder / f"log.json.{number - 1}").rename(folder / f"log.json.{number}")
    (folder / "log.json").rename(folder / "log.json.1")
    write_log(folder / "log.json", first, end)


def test_rotations_while_a_slow_reader_is_busy_lose_nothing(tmp_path):
    write_log(tmp_path / "log.json", 0, 2)
    reader = LogReader(str(tmp_path))
    reader.open_at_tail(-1)
    rotate(tmp_path, 2, 4)
    seen = []
    for turn, batch in enumerate(reader.read()):
        seen += [record["log"].strip() for record in batch]
        if turn < 3:
            rotate(tmp_path, 2 * turn + 4, 2 * turn + 6)  # the names move on before it asks for the next file
    assert seen == [str(i) for i in range(10)]
    reader.close()


def test_a_rotation_that_was_cut_short_hides_nothing(tmp_path):
    write_log(tmp_path / "log.json.2", 0, 2)
    write_log(tmp_path / "log.json", 2, 4)  # its shim was killed before it could be renamed
    reader = LogReader(str(tmp_path))
    reader.open_at_tail(-1)
    assert texts(reader) == ["0", "1", "2", "3"]
    reader.close()


def test_half_a_record_waits_for_its_other_half(tmp_path):
    line = '{"log":"x\\n","stream":"stdout","time":"t"}\n'
    (tmp_path / "log.json").write_text(line[:10])
    reader = LogReader(str(tmp_path))
    reader.open_at_tail(-1)
    assert texts(reader) == []
    (tmp_path / "log.json").write_text(line)
    assert texts(reader) == ["x"]
    reader.close()


def test_tail_offset_of_a_large_file(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%d\n" % i for i in range(200_000)))
    offset, missing = tail_offset(str(path), 3)
    assert (path.read_bytes()[offset:], missing) == (b"199997\n199998\n199999\n", 0)
    assert tail_offset(str(path), 200_005) == (0, 5)

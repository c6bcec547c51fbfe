"""What runs: Docker's rules for words, environment, user, limits."""

from __future__ import annotations

import pytest

from minidocker.errors import BadOption, EngineError
from minidocker.options import Options, read_environment
from minidocker.translate import process as p

IMAGE = {"Entrypoint": ["/entry"], "Cmd": ["a", "b"], "Env": ["PATH=/bin", "LANG=C"], "WorkingDir": "/srv"}


@pytest.mark.parametrize(
    ("entrypoint", "command", "image", "expected"),
    [
        (None, (), IMAGE, (["/entry"], ["a", "b"])),
        (None, ("x",), IMAGE, (["/entry"], ["x"])),
        ("/other", (), IMAGE, (["/other"], [])),
        ("/other", ("x", "y"), IMAGE, (["/other"], ["x", "y"])),
        ("", ("x",), IMAGE, ([], ["x"])),
        (None, (), {"Cmd": "echo $HOME"}, ([], ["/bin/sh", "-c", "echo $HOME"])),
    ],
)
def test_entrypoint_and_cmd(entrypoint, command, image, expected):
    assert p.command_line(Options("i", command, entrypoint=entrypoint), image) == expected


def test_nothing_to_run_is_refused():
    with pytest.raises(EngineError, match="no command specified"):
        p.command_line(Options("i", (), entrypoint=""), IMAGE)


def test_environment_order_and_precedence():
    env = p.environment(["B=2", "LANG=de"], IMAGE, hostname="h", tty=True)
    assert env == ["PATH=/bin", "HOSTNAME=h", "TERM=xterm", "B=2", "LANG=de"]


def test_environment_default_path_and_no_term_without_tty():
    assert p.environment([], {}, hostname="h", tty=False) == [f"PATH={p.DEFAULT_PATH}", "HOSTNAME=h"]


def test_a_bare_name_removes_the_image_s_variable_and_the_last_one_counts():
    assert "LANG=C" not in p.environment(["LANG"], IMAGE, hostname="h", tty=False)
    assert p.environment(["A", "A=2"], {}, hostname="h", tty=False)[-1] == "A=2"
    assert not any(e.startswith("A=") for e in p.environment(["A=2", "A"], {}, hostname="h", tty=False))


def test_env_file_and_names_without_value(tmp_path):
    file = tmp_path / "env"
    file.write_text("# comment\n\nA=1\n  B=two words = x\nHOME\nUNSET_HERE\n")
    found = read_environment((str(file),), ("C=3", "USER", "NOT_SET"), {"HOME": "/h", "USER": "u"})
    assert found == ["A=1", "B=two words = x", "HOME=/h", "C=3", "USER=u", "NOT_SET"]


@pytest.mark.parametrize(("files", "given"), [((), ("=x",)), (("/nonexistent/file",), ())])
def test_bad_environment_names_the_flag(files, given):
    with pytest.raises(BadOption, match="--env"):
        read_environment(files, given, {})


def test_ulimits():
    assert p.rlimits(("nofile=1024:2048", "core=0", "nofile=5")) == [
        {"type": "RLIMIT_NOFILE", "soft": 5, "hard": 5},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
    ]
    assert p.rlimits(("memlock=-1:unlimited",))[0]["hard"] == 2**64 - 1


@pytest.mark.parametrize("text", ["nofile", "nofile=x", "nofile=10:5", "files=1", "nofile=-2"])
def test_bad_ulimits(text):
    with pytest.raises(BadOption, match=f"--ulimit.*|{text}"):
        p.rlimits((text,))


@pytest.mark.parametrize("value", ["1001", "-1001", "x"])
def test_oom_score_is_bounded(value):
    with pytest.raises(BadOption, match="--oom-score-adj"):
        p.oom_score(Options("i", oom_score_adj=value))


def test_workdir_and_stop_signal():
    assert p.working_dir(Options("i"), IMAGE) == "/srv"
    assert p.working_dir(Options("i", workdir="/x"), IMAGE) == "/x"
    assert p.working_dir(Options("i"), {}) == "/"
    with pytest.raises(BadOption, match="--workdir"):
        p.working_dir(Options("i", workdir="x"), {})
    assert p.stop_signal(Options("i"), {"StopSignal": "SIGQUIT"}) == "SIGQUIT"
    with pytest.raises(BadOption, match="--stop-signal"):
        p.stop_signal(Options("i", stop_signal="SIGNOPE"), {})

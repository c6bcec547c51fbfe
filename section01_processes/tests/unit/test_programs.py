import os

import pytest

from section01_processes import ProgramNotExecutable, ProgramNotFound, find_program


@pytest.fixture
def bins(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    (tmp_path / "one" / "plain").write_text("")
    for name in ("two/plain", "two/tool"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "one" / "tool").mkdir()
    return tmp_path


def test_the_search_skips_what_cannot_be_executed(bins):
    path = f"{bins}/missing:{bins}/one:{bins}/two"
    assert find_program("plain", path, "") == f"{bins}/two/plain"
    assert find_program("tool", path, "") == f"{bins}/two/tool"


def test_relative_paths_start_at_the_working_directory(bins):
    assert os.path.samefile(find_program("./tool", "", f"{bins}/two"), bins / "two/tool")
    assert os.path.samefile(find_program("two/tool", "", str(bins)), bins / "two/tool")
    assert os.path.samefile(find_program("tool", f":{bins}/one", f"{bins}/two"), bins / "two/tool")


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("nothing", ProgramNotFound, 'exec: "nothing": executable file not found in $PATH'),
        ("", ProgramNotFound, "executable file not found"),
        ("/nothing", ProgramNotFound, "no such file or directory"),
        ("/etc/passwd/x", ProgramNotFound, "not a directory"),
        ("/etc", ProgramNotExecutable, "is a directory"),
        ("/etc/passwd", ProgramNotExecutable, "permission denied"),
        ("/dev/null", ProgramNotExecutable, "permission denied"),
    ],
)
def test_errors_say_what_docker_says(name, error, words):
    with pytest.raises(error) as caught:
        find_program(name, "/usr/bin", "")
    assert words in str(caught.value)
    assert caught.value.exit_code == (127 if error is ProgramNotFound else 126)


def test_a_name_found_only_without_x_is_126(bins):
    with pytest.raises(ProgramNotExecutable):
        find_program("plain", f"{bins}/one", "")


def test_a_folder_of_that_name_in_path_is_not_found(bins):
    with pytest.raises(ProgramNotFound):
        find_program("tool", f"{bins}/one", "")

"""The set-up of the ``course`` script: beside what is in use, whole or not at all.

The script itself runs here, with Python's own venv and pip, in a clone that has one small package and no requirements.
"""

import functools
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from courseware import environment

CLONE = pathlib.Path(__file__).parents[1]
SECONDS = 300

#: A build backend that hands out an editable wheel, so that nothing is fetched.
BACKEND = """
import os, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "tiny-1-py3-none-any.whl"
    meta = "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1\\n"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("tiny.pth", os.path.join(os.getcwd(), "project") + "\\n")
        wheel.writestr("tiny_in_packages.py", "seen = __file__\\n")
        wheel.writestr("tiny-1.dist-info/METADATA", meta)
        wheel.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("tiny-1.dist-info/RECORD", "")
    return name
"""
#: The tool: says where it runs from; with ``wait`` it imports from its environment only after a line has come.
TOOL = """
import os, sys

def main():
    print(os.path.dirname(os.path.dirname(sys.executable)), flush=True)
    if "wait" in sys.argv:
        sys.stdin.readline()
    import tiny_in_packages
    print(tiny_in_packages.seen)
"""
#: A part of a script: an import that happens only when a line has come.
LATER = "sys.stdin.readline(); import tiny_in_packages; print(tiny_in_packages.seen)"


@pytest.fixture
def clone(tmp_path):
    """A clone in a path with a space, with the real script and the real environment.py."""
    top = tmp_path / "a clone"
    package = top / "section01" / "project" / "section01_processes"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "cli.py").write_text(TOOL)
    (top / "section01" / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "tiny"\nversion = "1"\n'
    )
    (top / "section01" / "backend.py").write_text(BACKEND)
    (top / "requirements.lock").write_text("# nothing\n")
    (top / "requirements-dev.lock").write_text("# nothing\n")
    tools = top / "courseware" / "project" / "courseware"
    tools.mkdir(parents=True)
    shutil.copy(environment.__file__, tools)
    # The machine's packages are another matter, and 500 MB are more than a clone without requirements needs.
    text = (CLONE / "course").read_text().replace("-ge 500 ]", "-ge 1 ]")
    (top / "course").write_text(text.replace("command -v dpkg-query", "command -v no-dpkg-query"))
    (top / "course").chmod(0o755)
    return top


def start(clone, *words, **options):
    return subprocess.Popen(
        [clone / "course", "run", "procman", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def run(clone, *words):
    with start(clone, *words) as process:
        said, complaint = process.communicate("\n", timeout=SECONDS)
    assert process.returncode == 0, complaint
    return said.splitlines()


def current(clone):
    return os.readlink(clone / ".venv")


def change(clone):
    """What the environment is made from differs: the next call prepares."""
    with open(clone / "requirements.lock", "a") as file:
        file.write("# more\n")


def files(folder):
    return sorted(
        (p, p.lstat().st_mtime_ns)
        for p in folder.rglob("*")
        if "__pycache__" not in p.parts and not (p / "__pycache__").exists()
    )


def wait_until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def prepared(clone):
    run(clone)
    return clone


def test_who_runs_from_the_old_environment_keeps_it_while_the_next_one_comes(prepared):
    launcher = start(prepared, "wait")
    script = f"import sys; print(sys.prefix, flush=True); {LATER}"
    python = subprocess.Popen(
        [prepared / ".venv" / "bin" / "python", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with launcher, python:
        first = str(prepared / ".venvs" / "1")
        assert launcher.stdout.readline() == python.stdout.readline() == first + "\n"
        for number in (2, 3):  # the first is swept by nobody while they live
            change(prepared)
            folder, seen = run(prepared)
            assert folder == str(prepared / ".venvs" / str(number))
            assert seen.startswith(folder + "/lib/")
            assert current(prepared) == f".venvs/{number}"
        assert sorted(os.listdir(prepared / ".venvs")) == ["1", "2", "3"]
        for process in (launcher, python):
            said, _ = process.communicate("\n", timeout=SECONDS)
            assert said.startswith(first + "/lib/"), said
            assert process.returncode == 0
    change(prepared)
    run(prepared)
    assert sorted(os.listdir(prepared / ".venvs")) == ["3", "4"]


@pytest.mark.full
def test_two_at_once_prepare_once(clone):
    with start(clone) as one, start(clone) as other:
        results = [process.communicate("\n", timeout=SECONDS) for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], results
    assert sum("preparing the Python environment" in said for _, said in results) == 1
    assert os.listdir(clone / ".venvs") == ["1"]


def test_a_preparation_that_is_killed_leaves_the_working_one_untouched(prepared):
    before = files(prepared / ".venvs" / "1")
    change(prepared)
    half = prepared / ".venvs" / "2"
    with start(prepared, start_new_session=True) as process:
        wait_until((half / "bin" / "python").exists)
        os.killpg(process.pid, signal.SIGKILL)
    assert current(prepared) == ".venvs/1"
    assert files(prepared / ".venvs" / "1") == before
    assert subprocess.run([prepared / ".venv" / "bin" / "procman"], capture_output=True, check=True).stdout
    run(prepared)
    assert current(prepared) == ".venvs/2"  # the half one is gone, and its number free
    assert (half / ".stamp").exists()


def test_a_preparation_that_fails_says_so_and_leaves_nothing(prepared):
    (prepared / "requirements.lock").write_text("no such requirement\n")
    with start(prepared) as process:
        _, said = process.communicate("\n", timeout=SECONDS)
    assert process.returncode == 1
    assert "has changed nothing" in said
    assert os.listdir(prepared / ".venvs") == ["1"]
    assert current(prepared) == ".venvs/1"


def test_an_interrupted_one_says_so(prepared):
    change(prepared)
    # A shell cannot trap what was ignored when it began, and whoever runs the tests may be in the background.
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with start(prepared, start_new_session=True, preexec_fn=heard) as process:
        wait_until((prepared / ".venvs" / "2" / "bin" / "python").exists)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "interrupted" in said
    assert current(prepared) == ".venvs/1"


@pytest.mark.full
def test_a_folder_of_before_becomes_a_link_and_who_runs_from_it_goes_on(prepared):
    shutil.copytree(prepared / ".venvs" / "1", prepared / "old", symlinks=True)
    (prepared / ".venv").unlink()
    shutil.rmtree(prepared / ".venvs")
    (prepared / "old").rename(prepared / ".venv")
    (prepared / ".venv" / ".stamp").write_text("of before\n")
    script = f"import sys; print(flush=True); {LATER}"
    with subprocess.Popen(
        [prepared / ".venv" / "bin" / "python", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as old:
        old.stdout.readline()
        run(prepared)
        assert current(prepared) == ".venvs/1"
        assert os.listdir(prepared / ".venvs") == ["1"]
        said, _ = old.communicate("\n", timeout=SECONDS)
    assert old.returncode == 0
    assert "tiny_in_packages" in said


# ---- environment.py, piece by piece ---------------------------------------------------------------------------------


@pytest.fixture
def top(tmp_path):
    for number in (1, 2, 3):
        (tmp_path / ".venvs" / str(number) / "bin").mkdir(parents=True)
        shutil.copy(os.path.realpath(sys.executable), tmp_path / ".venvs" / str(number) / "bin" / "python")
    environment.use(str(tmp_path), str(tmp_path / ".venvs" / "3"))
    return tmp_path


def test_an_environment_is_found_in_use_by_its_program_whatever_its_words_say(top):
    python = top / ".venvs" / "1" / "bin" / "python"
    code = "import sys; print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        ["another name", "-I", "-S", "-c", code], executable=python, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        assert environment.sweep(str(top)) == [str(top / ".venvs" / "2")]
        process.communicate()
    assert environment.sweep(str(top)) == [str(top / ".venvs" / "1")]
    assert os.listdir(top / ".venvs") == ["3"]


def test_a_number_is_never_that_of_the_one_in_use(top):
    assert environment.new(str(top)) == str(top / ".venvs" / "4")


@pytest.fixture
def early(tmp_path):
    """A clone whose ``.venv`` is a folder, and an environment that could take its place."""
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venvs" / "1").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("step", ["use", "sweep"])
def test_a_folder_that_cannot_be_replaced_is_put_back(early, monkeypatch, step):
    rename = os.rename

    def refuse(source, target):
        if str(source).endswith("link"):
            raise OSError(28, "No space left on device", source) if step == "use" else KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises((OSError, KeyboardInterrupt)):
        environment.use(str(early), str(early / ".venvs" / "1"))
    if step == "sweep":  # as after SIGKILL: nothing put it back
        assert not (early / ".venv").exists()
        environment.sweep(str(early))
    assert (early / ".venv" / "bin").is_dir()
    assert not (early / ".venv").is_symlink()


def test_a_wrong_folder_is_one_line(tmp_path, capsys):
    assert environment.main(["use", str(tmp_path / "none"), str(tmp_path / "none" / "1")]) == 1
    assert capsys.readouterr().err.startswith(f"course: {tmp_path}")

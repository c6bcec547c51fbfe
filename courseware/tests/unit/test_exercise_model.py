"""exercise.toml, mutant.toml and a submission's folder: what is not right is named, with file, field and remedy."""

import importlib
import os
import shutil

import pytest

from courseware.exercises import Exercise, ExerciseError, catalogue, find, points
from courseware.exercises.model import Limits
from courseware.exercises.nonce import Nonce
from courseware.exercises.submission import read_submission, write_modules, write_mutant, write_submission
from courseware.exercises.verdicts import Report, TestResult, killed, parse_report, report_text, worst


def test_the_folder_is_read(throw_away):
    exercise = throw_away(seconds=5)
    assert (exercise.id, exercise.section, exercise.role, exercise.points) == ("proc-throw-away", 1, "core", 4)
    assert (exercise.file, exercise.function, exercise.provides) == ("answer.py", "", ("lab",))
    assert exercise.limits == Limits(seconds=5, memory=256 << 20, processes=24, file_size=16 << 20, output=1 << 20)
    assert exercise.solution.is_dir()
    assert (exercise.mutants, exercise.hints) == ([], [])


@pytest.mark.parametrize(
    ("old", "new", "field", "remedy"),
    [
        ("schema = 1", "schema = 2", "schema", "schema 1"),
        ("schema = 1", "schema = ", "is not TOML", "correct the line"),
        ('id = "proc-throw-away"', 'id = "fork"', "id", "'proc-throw-away'"),
        ('title = "Words backwards"\n', "", "title: is missing", "add it"),
        ('role = "core"', 'role = "main"', "role", "one of warm-up, core"),
        ("difficulty = 1", "difficulty = true", "difficulty", "a whole number from 1 to 5"),
        ("minutes = 5", "minutes = 0", "minutes: is 0", "from 1 to 600"),
        ("teaches = []", 'teaches = ["fork", "fork"]', "teaches", "different strings"),
        ('files = ["answer.py"]', 'files = ["../answer.py"]', "files", "plain relative path"),
        ('files = ["answer.py"]', "files = []", "files: is empty", "name the files"),
        ('entry = "answer.py"', 'entry = "other.py"', "entry", "not in files"),
        ('entry = "answer.py"', 'entry = "answer.py:1"', "entry", "no name of a function"),
        ("needs = []", 'needs = ["moon"]', "needs: 'moon'", "one of root"),
        ("[limits]", '[limits]\nmemory = "much"', "limits.memory", "256M"),
        ("[limits]", "[limits]\ncolour = 1", "limits.colour: is not known", "the keys are"),
        ("points = 4", "points = 0", "grading.points", "from 1"),
        ("[limits]", "[colour]\n[limits]", "colour: is not known", "the keys are"),
        ("[grading]\npoints = 4", "", "grading: is missing", "a table"),
    ],
)
def test_a_wrong_field_is_named(throw_away, old, new, field, remedy):
    file = throw_away().folder / "exercise.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(ExerciseError) as caught:
        Exercise.read(file.parent)
    assert str(file) in str(caught.value)
    assert field in str(caught.value)
    assert remedy in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_folder_without_exercise_toml_is_no_exercise(tmp_path):
    with pytest.raises(ExerciseError, match=r"exercise\.toml: cannot be read"):
        Exercise.read(tmp_path)


def add_mutant(exercise, text, **files):
    folder = exercise.folder / "mutants" / "wrong"
    folder.mkdir()
    (folder / "mutant.toml").write_text(text)
    for name, source in files.items():
        (folder / f"{name}.py").write_text(source)
    return folder


def test_a_mutant_is_laid_over_the_solution(throw_away, tmp_path):
    exercise = throw_away()
    folder = add_mutant(exercise, 'why = "x"\nid = "LCM-PROC-03"\nfails = ["test_quiet"]', answer="print(1)")
    (mutant,) = Exercise.read(exercise.folder).mutants
    assert (mutant.name, mutant.why, mutant.fails, mutant.passes) == ("wrong", "x", ("test_quiet",), ())
    target = write_mutant(exercise, mutant, tmp_path / "mutant")
    assert read_submission(exercise, target) == {"answer.py": b"print(1)"}
    (folder / "more.py").write_text("")
    with pytest.raises(ExerciseError, match=r"more\.py is not one of the exercise's files"):
        write_mutant(exercise, mutant, tmp_path / "other")


@pytest.mark.parametrize(
    ("text", "field"),
    [('id = "x"\nfails = ["t"]', "why"), ('why = "x"\nid = "y"\nfails = []', "fails: is empty"), ("pass = 1", "why")],
)
def test_a_wrong_mutant_is_named(throw_away, text, field):
    exercise = throw_away()
    add_mutant(exercise, text)
    with pytest.raises(ExerciseError, match=rf"wrong/mutant\.toml: {field}"):
        Exercise.read(exercise.folder)


def test_the_catalogue_is_in_the_learners_order(throw_away, tmp_path):
    first = throw_away().folder
    clone = tmp_path / "clone"
    rows = [("stretch", 3, "a"), ("core", 3, "b"), ("thread", 1, "c"), ("core", 2, "d"), ("warm-up", 1, "e")]
    for role, difficulty, name in rows:
        folder = clone / "section01_processes" / "exercises" / name
        shutil.copytree(first, folder)
        text = (folder / "exercise.toml").read_text().replace("proc-throw-away", f"proc-{name}")
        text = text.replace('role = "core"', f'role = "{role}"').replace("difficulty = 1", f"difficulty = {difficulty}")
        (folder / "exercise.toml").write_text(text)
    assert [exercise.folder.name for exercise in catalogue(clone)] == ["e", "d", "b", "c", "a"]
    assert find(clone, "proc-b").difficulty == 3
    with pytest.raises(ExerciseError, match=r"there is no exercise 'proc-bb'.*did you mean proc-b"):
        find(clone, "proc-bb")
    with pytest.raises(ExerciseError, match="ex list"):
        find(clone, "zzzzzz")


# --- a submission's folder


def spoil(folder, what):
    file = folder / "answer.py"
    if what == "missing":
        file.unlink()
    elif what == "further":
        (folder / "helper.py").write_text("")
    elif what == "symlink":
        file.rename(folder.parent / "real.py")
        file.symlink_to(folder.parent / "real.py")
    elif what == "fifo":
        file.unlink()
        os.mkfifo(file)
    elif what == "folder":
        file.unlink()
        file.mkdir()
    elif what == "large":
        file.write_bytes(bytes((1 << 20) + 1))


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("missing", r"answer\.py is missing; nothing was run \(a submission is answer\.py\)"),
        ("further", r"helper\.py is not one of the exercise's files; nothing was run \(move it out"),
        ("symlink", r"answer\.py is a symbolic link; nothing was run \(put the file itself"),
        ("fifo", r"answer\.py is not a regular file"),
        ("folder", r"answer\.py is not a regular file"),
        ("large", r"answer\.py is larger than 1 MiB"),
    ],
)
def test_a_wrong_submission_is_named(throw_away, answer, what, says):
    folder = answer("print(1)")
    spoil(folder, what)
    with pytest.raises(ExerciseError, match=says):
        read_submission(throw_away(), folder)


def test_a_submission_that_is_not_there_is_named(throw_away, tmp_path):
    with pytest.raises(ExerciseError, match=r"none: this folder cannot be read.*ex start proc-throw-away"):
        read_submission(throw_away(), tmp_path / "none")


def test_what_editors_leave_does_not_count(throw_away, answer):
    folder = answer("print(1)")
    for name in (".hidden", "answer.py~", ".answer.py.swp"):
        (folder / name).write_text("x")
    (folder / "__pycache__").mkdir()
    assert read_submission(throw_away(), folder) == {"answer.py": b"print(1)"}


def test_the_copy_is_read_only_and_a_link_to_a_folder_is_refused(throw_away, answer, tmp_path):
    exercise = throw_away()
    file = exercise.folder / "exercise.toml"
    file.write_text(file.read_text().replace('["answer.py"]', '["answer.py", "parts/one.py"]'))
    exercise, folder = Exercise.read(exercise.folder), answer("print(1)")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "one.py").write_text("")
    (folder / "parts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExerciseError, match="parts"):
        read_submission(exercise, folder)
    (folder / "parts").unlink()
    (folder / "parts").mkdir()
    (folder / "parts" / "one.py").write_text("1")
    write_submission(read_submission(exercise, folder), tmp_path / "copy")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "copy").rglob("*")}
    assert modes == {"answer.py": 0o444, "parts": 0o555, "one.py": 0o444}


def test_the_modules_are_lab_and_nothing_else(throw_away, tmp_path):
    exercise = throw_away()
    write_modules(exercise, tmp_path / "modules")
    assert os.listdir(tmp_path / "modules") == ["lab.py"]
    file = exercise.folder / "exercise.toml"
    file.write_text(file.read_text().replace("needs = []", 'needs = []\nprovides = ["no_such_module"]'))
    with pytest.raises(ExerciseError, match="provides: no module 'no_such_module'"):
        write_modules(Exercise.read(exercise.folder), tmp_path / "other")


# --- verdicts, nonces, marks


def test_the_worst_verdict_is_the_exercises():
    assert worst(["PASS", "TODO"]) == "TODO"
    assert worst(["FAIL", "TODO", "PASS"]) == "FAIL"
    assert worst(["FAIL", killed(11), "TIMEOUT"]) == "KILLED(SIGSEGV)"
    assert worst(["CRASH", "GRADER-ERROR"]) == "GRADER-ERROR"
    assert worst([]) == "GRADER-ERROR"
    assert killed(40) == "KILLED(40)"
    with pytest.raises(KeyError, match="GOOD"):
        worst(["GOOD"])


def test_a_report_is_what_was_written():
    tests = [
        TestResult("test_a", "one", 2, 1.5, "PASS", "half", "", ""),
        TestResult("test_b", "", 2, 0, "FAIL", "no", "X", "t"),
    ]
    report = Report.of_tests("proc-x", 3, 4, tests, 0)
    assert (report.verdict, report.points, report.of, report.all_passed) == ("FAIL", 1.5, 4, False)
    assert parse_report(report_text([report])) == [report]
    good = Report.of_tests("proc-x", 3, 2, [TestResult("test_a", "", 2, 2, "PASS", "", "", "")], 0)
    assert good.all_passed
    assert not Report.of_tests("proc-x", 3, 2, good.tests, 1).all_passed, "a hidden test waits"


def test_a_nonce_is_the_same_for_the_same_seed_and_test_only():
    def draws(*key):
        nonce = Nonce(*key)
        return [nonce.integer(1, 10**9), nonce.word(), nonce.choice("abcdef"), nonce.shuffled(range(9)), nonce.data(9)]

    first = draws(1, "proc-x", "test_a")
    assert first == draws(1, "proc-x", "test_a")
    others = [(2, "proc-x", "test_a"), (1, "proc-y", "test_a"), (1, "proc-x", "test_b")]
    assert all(first != draws(*key) for key in others)
    assert (len(first[1]), sorted(first[3]), len(first[4])) == (8, list(range(9)), 9)


def test_points_take_one_or_several_tests_to_come_after():
    assert points(2, after="a").kwargs["after"] == ("a",)
    assert points(2, after=["a", "b"]).kwargs["after"] == ("a", "b")


def test_the_surface_holds_functions_whoever_imports_a_module_first():
    import courseware.exercises as surface

    for module in ("catalogue", "checking", "marks", "model", "proof", "verdicts"):
        importlib.import_module(f"courseware.exercises.{module}")
    names = ["Exercise", "ExerciseError", "Limits", "Mutant", "Report", "TestResult"]
    assert sorted(surface.__all__) == sorted([*names, "catalogue", "check", "find", "points", "verify"])
    assert all(callable(getattr(surface, name)) for name in surface.__all__)

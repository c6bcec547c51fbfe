"""Judge one submission: pytest in a process of its own, with a clean environment, and its report.

What belongs here: that process. The test process is a subreaper and kills what is below it,
so it is never the caller's.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from courseware import needs
from courseware.holding import temporary_folder

from .model import Exercise, ExerciseError
from .place import PROGRAM_FOLDERS
from .submission import read_submission
from .verdicts import Report, parse_report

INI = "[pytest]\naddopts = --import-mode=importlib --strict-markers\nmarkers =\n needs(*features): as for exercises\n"
PASSED_ON = ("HOME", "SUDO_UID", "SUDO_GID", "SUDO_USER", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")
LONGEST = 900.0  # seconds; a test waits 20 at most, a start of the submission 120
PATIENCE = 30.0


def check(
    exercise: Exercise,
    submission: Path | str,
    *,
    seed: int,
    hidden: bool = False,
    sandbox: bool | None = None,
    shuffle: bool = False,
) -> Report:
    """Judge ``submission`` and return the report. ``sandbox``: None where the exercise needs it, True always.

    Raises ExerciseError: wrong files in the submission, a need that this machine does not meet, or tests that cannot be
    run at all.
    """
    if sandbox is False and exercise.needs:
        raise ExerciseError(f"{exercise.id} needs {', '.join(exercise.needs)}", hint="it runs in the sandbox only")
    if reasons := unmet(exercise):
        raise ExerciseError(f"{exercise.id} cannot be checked here: {'; '.join(reasons)}", hint="./course doctor")
    read_submission(exercise, submission)
    with temporary_folder("lcm-check-") as folder:
        report = Path(folder, "report.json")
        Path(folder, "pytest.ini").write_text(INI, encoding="utf-8")
        command = _command(exercise, Path(submission), Path(folder), seed)
        command += ["--hidden"] * hidden + ["--sandbox"] * bool(sandbox) + ["--shuffle", str(seed)] * shuffle
        status, output = _run([*command, str(exercise.tests)], Path(folder))
        return _read(exercise, report, status, output)


def unmet(exercise: Exercise) -> list[str]:
    """Return why ``exercise`` cannot be run on this machine, one reason per need; empty: it can."""
    reasons = [needs.missing(need) for need in exercise.needs]
    reasons += [f"the program {name} is not installed" for name in exercise.programs
                if shutil.which(name, path=PROGRAM_FOLDERS) is None]  # fmt: skip
    return [reason for reason in reasons if reason]


def _command(exercise: Exercise, submission: Path, folder: Path, seed: int) -> list[str]:
    """Return pytest's command line, without what is asked for only sometimes."""
    python = [sys.executable, "-P", "-B", "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"]
    plugin = ["-p", "courseware.exercises.plugin", "-c", f"{folder}/pytest.ini", f"--rootdir={exercise.folder}"]
    options = ["--submission", str(submission.absolute()), "--seed", str(seed), "--report", f"{folder}/report.json"]
    return [*python, *plugin, f"--confcutdir={exercise.folder}", *options]


def _run(command: list[str], folder: Path) -> tuple[int, str]:
    """Run it; return its exit status and what it wrote."""
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    env |= {"PATH": PROGRAM_FOLDERS, "LANG": "C.UTF-8", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "NO_COLOR": "1"}
    with subprocess.Popen(command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:  # fmt: skip
        try:
            output = process.communicate(timeout=LONGEST)[0]
        except subprocess.TimeoutExpired:
            output = _interrupt(process)
        except BaseException:  # Ctrl-C: the test process has got it too, and clears up behind the answer
            _interrupt(process)
            raise
    return process.returncode, output.decode(errors="replace")


def _interrupt(process: subprocess.Popen[bytes]) -> bytes:
    """Let the test process end what it has started, and wait for it; return what it wrote."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]


def _read(exercise: Exercise, report: Path, status: int, output: str) -> Report:
    """Return the report, or raise ExerciseError with what pytest said."""
    said = "\n".join(output.strip().splitlines()[-15:])
    if status in (0, 1) and report.exists():
        try:
            (found,) = parse_report(report.read_text(encoding="utf-8"))
        except (ValueError, KeyError, TypeError) as error:
            raise ExerciseError(f"{exercise.id}: the report cannot be read: {error}\n{said}") from error
        return found
    whose = "an error of the exercise" if "tests/test_" in output else "an error of the courseware"
    raise ExerciseError(
        f"{exercise.id}: its tests cannot be run (pytest ended with {status}):\n{said}",
        hint=f"{whose}, not of the answer",
    )

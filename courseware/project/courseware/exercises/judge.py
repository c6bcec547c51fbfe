"""From what happened in a test to its result: verdict, points, message, and the tail of the output.

What belongs here: the order in which causes are looked for, and making messages equal from run to run. What does not:
running (``box.py``), pytest (``plugin.py``).

| what happened | verdict |
|---|---|
| a limit was broken, whatever the test made of it | the limit's |
| the test passed | PASS |
| the box ended it: a function gave no answer | CRASH, TODO |
| a start ended with TODO_STATUS, by a signal that no test sent, or with a traceback | TODO, KILLED(…), CRASH |
| its file is no Python: the place and the error, and nothing of what the test made of it | CRASH |
| an assertion failed | FAIL |
| anything else | GRADER-ERROR |
"""

from __future__ import annotations

import linecache
import re
import traceback
from pathlib import Path

from .box import Box, size_text
from .running import Ran, Running, SubmissionEnded
from .streams import last_line, printable
from .verdicts import CRASH, FAIL, GRADER_ERROR, KILLED, PASS, TIMEOUT, TODO, TODO_STATUS, killed
from .whereabouts import uncaught

TAIL_LINES, TAIL_WIDTH = 12, 200
LOWEST_PID = 300  # below it a number in a text is more likely a number than a pid
#: What Python says of a file that it cannot compile: no traceback, as nothing of it has run.
NO_PYTHON = re.compile(
    r'^  File "([^"\n]+)", line (\d+)\n(?:.*\n)*?((?:Syntax|Indentation|Tab)Error: .*)\n*\Z', re.MULTILINE
)
NOTHING_RAN = "nothing of it has run"


def judge(box: Box | None, error: BaseException | None, failed: type[BaseException]) -> tuple[str, str, str]:
    """Return verdict, message and tail of a test that raised ``error`` (None: it passed).

    ``failed``: the exception of ``pytest.fail``. Everything in the result is masked.
    """
    verdict, message, running = _cause(box, error, failed)
    if box is None:
        return verdict, message, ""
    running = running or (box.started[-1] if box.started else None)
    many = box.broken is not None and verdict.startswith(KILLED)  # what a crowd wrote last differs from run to run
    tail = "" if verdict in (PASS, TODO) or many or running is None else tail_of(running)
    return verdict, mask(box, message), mask(box, tail)


def _cause(
    box: Box | None, error: BaseException | None, failed: type[BaseException]
) -> tuple[str, str, Running | None]:
    broken = box.broken if box else None
    if broken is None and isinstance(error, SubmissionEnded):
        broken = error
    if broken:
        return broken.verdict, broken.message, broken.running
    if error is None:
        return PASS, "", None
    end = _abnormal_end(box) if box else None
    text = assertion_text(error) if isinstance(error, AssertionError) else str(error).strip()
    if end:
        verdict, what, running = end
        known = isinstance(error, AssertionError | failed) and verdict != TODO and not what.endswith(NOTHING_RAN)
        return verdict, f"{what}\n{text}" if known else what, running
    if isinstance(error, failed) and text.startswith("Timeout ("):  # pytest-timeout's
        return TIMEOUT, "the test was still waiting when its time was over", None
    if isinstance(error, AssertionError | failed):
        return FAIL, text, None
    return GRADER_ERROR, f"the test itself failed: {type(error).__name__}: {text}{_where(error)}", None


def _abnormal_end(box: Box) -> tuple[str, str, Running] | None:
    """Return verdict, reason and start of the last start that ended as no program should; None if there is none."""
    for running in reversed(box.started):
        ran = _settled(box, running)
        if ran is None:
            continue
        if ran.code == TODO_STATUS:
            return TODO, last_line(ran.err), running
        if ran.signal and ran.signal not in running.sent:
            return killed(ran.signal), f"signal {ran.how} ended the submission", running
        if ran.code == 1 and (found := NO_PYTHON.search(ran.err.decode(errors="replace"))):
            return CRASH, f"{found[1]}, line {found[2]}: {found[3]}: {NOTHING_RAN}", running
        if ran.code == 1 and (exception := uncaught(ran.err, box.place.submission)):
            return CRASH, f"the submission ended with an uncaught exception: {exception}", running
    return None


def _settled(box: Box, running: Running) -> Ran | None:
    """Return how it ended, or None. One that has closed its output is about to end: it is given the time."""
    try:
        box.pump(0)
        if running.ended() or (running.out.fd < 0 and running.err.fd < 0):
            return running.wait(2)
    except (AssertionError, SubmissionEnded, OSError):
        pass
    return None


def assertion_text(error: BaseException) -> str:
    """Return the author's message of a failed assertion, or the condition as it stands in the test.

    What pytest's rewriting adds is left out: it holds addresses and pids, and says what the author did not think of.
    """
    text = str(error)
    text = "" if text.startswith("assert ") else text.partition("\nassert ")[0]
    if text.strip():
        return text.strip()
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"this does not hold: {(frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()}"


def _where(error: BaseException) -> str:
    """Return file and line of the test where ``error`` came from."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).parent.name == "tests":
            return f" ({Path(frame.filename).name}, line {frame.lineno})"
    return ""


def tail_of(running: Running) -> str:
    """Return the last lines of both streams, and where they were cut."""
    lines = []
    for name, stream in (("out", running.out), ("err", running.err)):
        text = printable(bytes(stream.data[-TAIL_LINES * TAIL_WIDTH * 4 :]))
        lines += [f"{name}| {line[:TAIL_WIDTH]}" for line in text.splitlines()[-TAIL_LINES:]]
        if stream.cut:
            lines.append(f"{name}| … cut off after {size_text(stream.limit)}")
    return "\n".join(lines)


def mask(box: Box, text: str) -> str:
    """Return ``text`` without what differs from run to run: the place's paths, known pids, addresses."""
    place = box.place
    names = {str(place.folder): "<folder>", place.inside: "<folder>"}
    names |= {place.submission: "<submission>", place.modules: "<modules>"}
    for path in sorted(filter(None, names), key=len, reverse=True):
        text = re.sub(re.escape(path) + r"(?![\w.-])", names[path], text)
    pids = {str(pid) for pid in box.seen if pid >= LOWEST_PID}
    text = re.sub(r"\b[0-9]{3,}\b", lambda found: "<pid>" if found[0] in pids else found[0], text)
    return re.sub(r"\b0x[0-9a-f]{6,}", "0x…", text)

"""A pipeline: what goes through it, how it ends, and what /proc shows of descriptors and groups while it holds."""

import os
import signal
from contextlib import suppress
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from courseware.exercises import points

# Python imports this when it starts. The first stage comes late ("child"), or the parent after each fork ("parent").
LATE = """
import os, time
who, forks = os.environ.pop("LATE", ""), []

def late():
    if who == "parent" or len(forks) == 1:
        time.sleep(0.4 if who == "parent" else 1)

if who:
    os.register_at_fork(before=lambda: forks.append(1), **{"after_in_" + who: late})
"""

# Copy standard input to standard output: each byte plus a number, then a tag at the end.
FILTER = """
import sys
data = sys.stdin.buffer.read()
sys.stdout.buffer.write(bytes(data.translate(bytes((n + %d) %% 256 for n in range(256)))) + %r)
"""


def piped(*stages):
    """Return the arguments for these stages."""
    words = []
    for stage in stages:
        words += ["|", *stage]
    return words[1:]


def fds(pid):
    """Return descriptor → what it is ("pipe:[inode]"), from /proc/PID/fd."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:  # closed meanwhile
            continue
    return found


def leaks(pipeline, stages):
    """Return what is wrong with the descriptors of `pipeline` and its stages, in words."""
    held = [fds(stage) for stage in stages]
    inner = {fds_of_one.get(1): number for number, fds_of_one in enumerate(held[:-1], 1)}
    problems = []
    for number, mine in enumerate(held, 1):
        more = sorted(set(mine) - {0, 1, 2})
        if more:
            pipes = sorted({inner[mine[fd]] for fd in more if mine[fd] in inner})
            problems.append(f"stage {number} holds {more} besides 0, 1 and 2"
                            + "".join(f": an end of the pipe behind stage {pipe}" for pipe in pipes))  # fmt: skip
    for number, (left, right) in enumerate(pairwise(held), 1):
        if left.get(1) is None or left.get(1) != right.get(0):
            problems.append(f"what stage {number} writes to is not what stage {number + 1} reads from")
    kept = sorted(inner[what] for what in fds(pipeline).values() if what in inner)
    if kept:
        problems.append(f"pipeline.py itself holds ends of the pipes behind the stages {kept}")
    return problems


def state(pid):
    """Return the state of a process: a letter, Z when it has ended."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]


def told(ran):
    """Return what an ended pipeline has written to standard error, in words, and what that means; "" if nothing."""
    err = ran.err.decode(errors="replace").strip()
    race = (
        " EPERM, not permitted: a stage asked by setpgid for a group that was not there yet, and ended before its "
        "program began. It is luck in which tests that shows; test_a_stage_or_the_parent_comes_late shows it always, "
        "see ./course explain LCM-PROC-12."
    )
    return f"{race if 'not permitted' in err else ''} Standard error says: {last_words(err)!r}." if err else ""


def last_words(err):
    """Return the line of `err` that counts: EPERM, the exception of its last traceback, or else its last line."""
    refused = [line for line in err.splitlines() if "not permitted" in line]
    _, found, after = err.rpartition("Traceback (most recent call last):\n")
    lines = [line for line in after.splitlines() if not found or not line.startswith(" ")]
    return (refused or lines or err.splitlines())[0 if found and lines else -1]


def said(running):
    """Return what the pipeline has written to standard error, in words; "" if nothing. It ends the pipeline."""
    running.close_stdin()
    for stat in running.descendants():
        with suppress(ProcessLookupError):  # ended, and waited for, since we have looked
            os.kill(stat.pid, signal.SIGKILL)
    try:
        running.wait(1)
    except AssertionError:  # it waits for something else than its stages
        running.signal(signal.SIGKILL)
    return told(running.wait())


def ended(box, running, what, why):
    """Return how the pipeline ends; AssertionError with `what`, and `why` if it says nothing better, if it does not."""
    try:
        box.wait_for(lambda: state(running.pid) == "Z", seconds=5)
    except AssertionError:
        reason = why() if callable(why) else why
        words = said(running)
        raise AssertionError(what + words if "EPERM" in words else f"{what} {reason}{words}") from None
    return running.wait()


def holding(box, count, env=None):
    """Start a pipeline of `count` cats on an open standard input; return it and the stages in their order."""
    running = box.start(*piped(*[["cat"]] * count), env=env)
    cats = []

    def all_there():
        # asleep: it reads its input; before that the dynamic linker has files open
        cats[:] = sorted((stat for stat in running.descendants() if stat.comm == "cat" and stat.state == "S"),
                         key=lambda stat: stat.start_time * 2**32 + stat.pid)  # fmt: skip
        return len(cats) == count

    try:
        box.wait_for(all_there, seconds=5)
    except AssertionError:
        raise AssertionError(
            f"{count} stages (cat | cat | …) should run at the same time; /proc shows {len(cats)}. Without them there "
            f"is nothing more to look at here: see to this first, and look at the tests above.{said(running)}"
        ) from None
    return running, list(cats)


@points(1, part="descriptors", explain="LCM-PROC-01")
def test_the_end_of_the_input_arrives(box, nonce):
    word = nonce.word(8)
    running = box.start(*piped(["sh", "-c", f"echo {word}"], ["cat"], ["cat"]))
    ran = ended(box, running, "the first stage has ended; the second should see the end of its input, end, and so on. "
                "It still waits.", "Somebody holds a write end of a pipe, so that it never ends.")  # fmt: skip
    assert ran.out.decode(errors="replace").split() == [word], (
        f"echo {word} | cat | cat should print {word}; it printed {ran.out!r}.{said(running)}"
    )


@points(1, part="data")
def test_all_stages_run_at_the_same_time(box, nonce):
    holding(box, nonce.integer(3, 5))


def why_it_hangs(running, last):
    """Return the two causes why a pipeline does not end, and what /proc shows of the program of its last stage."""
    there = any(stat.comm == last and stat.state != "Z" for stat in running.descendants())
    return (
        "There are two causes: not all stages were started before the first was waited for (a pipe holds 64 KiB, who "
        "writes more waits for a reader), or a write end was not closed, so that a reader's input never ends. /proc "
        + ("shows the last stage, which waits, see ./course explain LCM-PROC-01." if there
           else "does not show the last stage, see ./course explain LCM-PROC-09.")
        + " Look at the tests above first."
    )  # fmt: skip


@points(3, part="data")
def test_data_goes_through_all_stages(box, nonce):
    data = wanted = nonce.data(200_000)
    stages = []
    for number in range(nonce.integer(2, 5)):
        key, tag = nonce.integer(1, 255), nonce.word(6).encode()
        stages.append([box.probe(f"filter{number}", FILTER % (key, tag))])
        wanted = bytes((n + key) % 256 for n in wanted) + tag
    running = box.start(*piped(*stages), stdin=data)
    ran = ended(box, running, f"{len(stages)} stages, {len(data)} bytes in: after 5 s it has not ended.",
                lambda: why_it_hangs(running, f"filter{len(stages) - 1}"))  # fmt: skip
    assert ran.out == wanted, (
        f"{len(stages)} stages, {len(data)} bytes in: {len(wanted)} bytes were expected, {len(ran.out)} came out"
        + (", in another order." if len(ran.out) == len(wanted) else ".") + said(running)
    )  # fmt: skip
    assert ran.code == 0, f"all stages ended with 0; the pipeline ended with {ran.code}.{told(ran)}"


@points(2, part="status")
def test_the_status_is_that_of_the_last_stage(box, nonce):
    first, last, mark = nonce.integer(1, 60), nonce.integer(61, 120), nonce.word(8)
    running = box.start(*piped(["sh", "-c", f"cat; exit {first}"], ["sh", "-c", f"echo > {mark}; exit {last}"]))

    def last_has_ended():
        shells = [stat for stat in running.descendants() if stat.comm == "sh" and stat.state != "Z"]
        return (box.folder / mark).exists() and len(shells) <= 1

    try:
        box.wait_for(last_has_ended, seconds=2)
    except AssertionError:
        pass  # the stages do not run at the same time; another test tells about it
    running.close_stdin()
    ran = running.wait()
    rightmost = ": the last stage is the rightmost one, whoever ends last." if ran.code == first else "."
    assert ran.code == last, (
        f"the first stage ended with {first}, after the last stage had ended with {last}; expected {last}, got "
        f"{ran.code}{rightmost}{told(ran)}"
    )
    number = nonce.choice([signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1])
    ran = box.run(*piped(["sh", "-c", "exit 0"], ["sh", "-c", f"kill -{int(number)} $$"]))
    shift = ran.code in (0, int(number), 256 - number) and "EPERM" not in told(ran)
    block = ", see ./course explain LCM-PROC-08." if shift else "."
    assert ran.code == 128 + number, (
        f"signal {int(number)} ended the last stage: expected {128 + number}, got {ran.code}{block}{told(ran)}"
    )
    ran = box.run(*piped(["sh", "-c", f"exit {first}"], ["sh", "-c", "exit 0"]))
    assert ran.code == 0, (
        f"the first stage ended with {first}, the last with 0; expected 0 without --pipefail, got {ran.code}."
        f"{told(ran)}"
    )


@points(1, part="status")
def test_pipefail(box, nonce):
    codes = [nonce.integer(1, 60), 0, nonce.integer(61, 120), 0]
    stages = piped(*[["sh", "-c", f"exit {code}"] for code in codes])
    ran = box.run("--pipefail", *stages)
    words = {
        0: ", which is the last stage's: with --pipefail another counts",
        codes[0]: ", which is the leftmost one's",
    }
    assert ran.code == codes[2], (
        f"the stages ended with {codes}; with --pipefail the rightmost failure counts, {codes[2]}; got {ran.code}"
        f"{words.get(ran.code, '')}.{told(ran)}"
    )
    ran = box.run("--pipefail", *piped(*[["sh", "-c", "exit 0"]] * 3))
    assert ran.code == 0, f"all stages ended with 0; expected 0 with --pipefail, got {ran.code}.{told(ran)}"


@points(1, part="status", explain="LCM-PROC-07")
def test_a_stage_that_cannot_be_started_ends(box, nonce):
    absent, mark = "./" + nonce.word(8), nonce.word(8)
    ran = box.run(*piped(["sh", "-c", "exit 0"], [absent], ["sh", "-c", f"echo once >> {mark}"]))
    box.wait_for(lambda: not box.processes(), seconds=5, what="no process is left")
    file = box.folder / mark
    times = len(file.read_text(encoding="ascii").splitlines()) if file.exists() else 0
    assert times or "not permitted" not in told(ran), f"the last of three stages was not run.{told(ran)}"
    assert times == 1, (
        f"the middle stage cannot be started, and the last one was run {times} times, not once. After a failed exec "
        "there is still a child; it must end, and not run on in the parent's code."
    )


@points(1, part="status", after="test_a_stage_that_cannot_be_started_ends")
def test_not_found_is_127_and_not_executable_126(box, nonce):
    absent, locked = "./" + nonce.word(8), "./" + nonce.word(9)
    (box.folder / locked).write_text("#!/bin/sh\n", encoding="ascii")
    os.chmod(box.folder / locked, 0o644)
    for program, wanted, why in ((absent, 127, "is not there"), (locked, 126, "may not be executed")):
        ran = box.run(program)
        assert ran.code == wanted, f"the only stage, {program}, {why}: expected {wanted}, got {ran.code}.{told(ran)}"
        assert ran.err.strip(), f"{program} {why}: a message on standard error was expected"


@points(3, part="descriptors", after="test_all_stages_run_at_the_same_time")
def test_no_descriptor_leaks(box, nonce):
    running, cats = holding(box, nonce.integer(3, 5))
    seen = []

    def nothing_leaks():  # pipeline.py may close its last ends a moment after the last stage has started
        seen[:] = leaks(running.pid, [cat.pid for cat in cats])
        return not seen

    try:
        box.wait_for(nothing_leaks, seconds=5, what="nothing leaks")
    except AssertionError:
        raise AssertionError(
            "in /proc/PID/fd, while all stages hold: " + "; ".join(seen) + ". A pipe ends for its reader when the last "
            "write end is closed, and for its writer when the last read end is: see ./course explain LCM-PROC-01."
        ) from None


def group_of(cats):
    """Return the group of the stages; AssertionError if they are not all in one that the first one leads."""
    groups, first = [cat.pgrp for cat in cats], min(cats, key=lambda cat: cat.start_time * 2**32 + cat.pid).pid
    assert len(set(groups)) == 1, f"the stages {[cat.pid for cat in cats]} are in the groups {groups}; one was expected"
    assert groups[0] == first, f"the group {groups[0]} is not led by the first stage, {first}"
    return groups[0]


@points(1, part="group", explain="LCM-PROC-12")
def test_all_stages_are_in_one_group(box, nonce):
    running, cats = holding(box, nonce.integer(3, 5))
    group = group_of(cats)
    os.killpg(group, signal.SIGTERM)
    ran = running.wait()
    assert ran.signal == 0, "a signal to the group of the stages ended pipeline.py, too: it must not be in that group"


@points(1, part="group", explain="LCM-PROC-12", after="test_all_stages_are_in_one_group")
def test_a_stage_or_the_parent_comes_late(box):
    box.probe("lab.py", Path(find_spec("lab").origin).read_text(encoding="utf-8"))
    folder = os.path.dirname(box.probe("sitecustomize.py", LATE))
    moments = {
        "child": "the first stage comes late (it sleeps in its fork)",
        "parent": "pipeline.py comes late (it sleeps after each fork, so that the stage has its program before)",
    }
    for who, late in moments.items():
        try:
            running, cats = holding(box, 3, {"PYTHONPATH": folder, "LATE": who})
            group = group_of(cats)
        except AssertionError as error:
            raise AssertionError(f"{late}. {error}") from None
        os.killpg(group, signal.SIGTERM)
        running.wait()


@points(1, part="ends", explain="LCM-PROC-01")
def test_a_writer_ends_when_its_reader_has_left(box, nonce):
    word, count = nonce.word(8), nonce.integer(2, 9)
    running = box.start(*piped(["yes", word], ["head", "-n", str(count)]))
    ran = ended(box, running, f"yes | head -n {count}: the last stage prints {count} lines and leaves; the pipeline "
                "has not ended.", "Either somebody still holds a read end of the pipe, so that yes never notices; or "
                "head has not been started, and then a test above says so: begin there.")  # fmt: skip
    lines = ran.out.decode(errors="replace").split()
    assert lines == [word] * count, f"{count} lines were expected, {len(lines)} came.{said(running)}"


@points(1, part="ends", after="test_a_writer_ends_when_its_reader_has_left")
def test_sigpipe_ends_the_writer(box):
    running = box.start("--pipefail", *piped(["yes"], ["head", "-n", "1"]))
    ran = ended(box, running, "yes | head -n 1 has not ended.", "The test above tells why, begin there.")
    ignored = " Python ignores SIGPIPE, and execve keeps that, see ./course explain LCM-PROC-10."
    zero = (
        " 0 is how head ended: --pipefail does nothing yet (test_pipefail), or the exit code of a stage that a signal "
        "ended was taken for 0."
    )
    assert ran.code == 141, (
        f"head has left; SIGPIPE must end yes (128 + 13 = 141), but with --pipefail the pipeline ended with "
        f"{ran.code}.{'' if 'EPERM' in told(ran) else ignored if ran.code else zero}{told(ran)}"
    )

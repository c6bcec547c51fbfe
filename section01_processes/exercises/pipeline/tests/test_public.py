"""Data, exit status, descriptors and group of a pipeline: what goes through it, and what /proc shows while it holds."""

import os
import signal
from itertools import pairwise

from courseware.exercises import points

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


def holding(box, count):
    """Start a pipeline of `count` cats on an open standard input; return it and the stages in their order."""
    running = box.start(*piped(*[["cat"]] * count))
    cats = []

    def all_there():
        # asleep: it reads its input; before that the dynamic linker has files open
        cats[:] = sorted((stat for stat in running.descendants() if stat.comm == "cat" and stat.state == "S"),
                         key=lambda stat: stat.start_time * 2**32 + stat.pid)  # fmt: skip
        return len(cats) == count

    box.wait_for(all_there, seconds=5, what=f"{count} stages (cat | cat | …) run at the same time; /proc shows fewer")
    return running, list(cats)


@points(4, part="data", explain="LCM-PROC-09")
def test_data_goes_through_all_stages(box, nonce):
    data = wanted = nonce.data(200_000)
    stages = []
    for number in range(nonce.integer(2, 5)):
        key, tag = nonce.integer(1, 255), nonce.word(6).encode()
        stages.append([box.probe(f"filter{number}", FILTER % (key, tag))])
        wanted = bytes((n + key) % 256 for n in wanted) + tag
    ran = box.run(*piped(*stages), stdin=data)
    assert ran.out == wanted, (
        f"{len(stages)} stages, {len(data)} bytes in: {len(wanted)} bytes were expected, {len(ran.out)} came out"
        + (", in another order" if len(ran.out) == len(wanted) else "")
    )
    assert ran.code == 0, f"all stages ended with 0; the pipeline ended with {ran.code}"


@points(2, part="status", explain="LCM-PROC-08")
def test_the_status_is_that_of_the_last_stage(box, nonce):
    first, last, mark = nonce.integer(1, 60), nonce.integer(61, 120), nonce.word(8)
    running = box.start(*piped(["sh", "-c", f"cat; exit {first}"], ["sh", "-c", f"echo > {mark}; exit {last}"]))

    def last_has_ended():
        shells = [stat for stat in running.descendants() if stat.comm == "sh" and stat.state != "Z"]
        return (box.folder / mark).exists() and len(shells) <= 1

    box.wait_for(last_has_ended, seconds=5, what="the last stage ends while the first still waits for input")
    running.close_stdin()
    code = running.wait().code
    assert code == last, (
        f"the first stage ended with {first}, after the last stage had ended with {last}; expected {last}, got {code}: "
        "the last stage is the rightmost one, whoever ends last"
    )
    number = nonce.choice([signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1])
    code = box.run(*piped(["cat"], ["sh", "-c", f"kill -{int(number)} $$"])).code
    assert code == 128 + number, f"signal {int(number)} ended the last stage: expected {128 + number}, got {code}"


@points(4, part="descriptors", explain="LCM-PROC-01")
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
            "write end is closed, and for its writer when the last read end is."
        ) from None


@points(2, part="group", explain="LCM-PROC-12")
def test_all_stages_are_in_one_group(box, nonce):
    running, cats = holding(box, nonce.integer(3, 5))
    groups = [cat.pgrp for cat in cats]
    assert len(set(groups)) == 1, f"the stages {[cat.pid for cat in cats]} are in the groups {groups}; one was expected"
    (group,) = set(groups)
    assert group == cats[0].pid, f"the group {group} is not led by the first stage, {cats[0].pid}"
    os.killpg(group, signal.SIGTERM)
    ran = running.wait()
    assert ran.signal == 0, "a signal to the group of the stages ended pipeline.py, too: it must not be in that group"
    assert ran.code == 128 + signal.SIGTERM, (
        f"SIGTERM to the group ended all stages; expected {128 + signal.SIGTERM} (128 + 15), got {ran.code}"
    )

"""Once more, with other shapes: --pipefail, what cannot be started, and a writer whose reader has left."""

import os

from courseware.exercises import points


def piped(*stages):
    """Return the arguments for these stages."""
    words = []
    for stage in stages:
        words += ["|", *stage]
    return words[1:]


@points(1, part="status")
def test_pipefail_of_any_length(box, nonce):
    codes = [nonce.integer(1, 60), 0, nonce.integer(61, 120), *([0] * nonce.integer(1, 3))]
    stages = piped(*[["sh", "-c", f"exit {code}"] for code in codes])
    code = box.run("--pipefail", *stages).code
    rightmost = [code for code in codes if code][-1]
    assert code == rightmost, f"the stages ended with {codes}; the rightmost failure is {rightmost}, got {code}"
    code = box.run("--pipefail", *piped(*[["sh", "-c", "exit 0"]] * 3)).code
    assert code == 0, f"all stages ended with 0; expected 0 with --pipefail, got {code}"


@points(1, part="status")
def test_what_cannot_be_started(box, nonce):
    absent, locked, word = "./" + nonce.word(8), "./" + nonce.word(9), nonce.word(8)
    path = box.folder / locked
    path.write_text("#!/bin/sh\n", encoding="ascii")
    os.chmod(path, 0o644)
    for program, wanted in ((absent, 127), (locked, 126)):
        stages = piped(["sh", "-c", "exit 0"], [program], ["sh", "-c", f"cat; echo {word}"])
        ran = box.run("--pipefail", *stages)
        assert ran.out.decode(errors="replace").split() == [word], (
            f"the middle stage cannot be started, the last one prints {word} once; this was printed: {ran.out!r}. "
            "After a failed exec there is still a child; it must end, and not run on in the parent's code."
        )
        assert ran.code == wanted, f"{program} cannot be started: expected {wanted} with --pipefail, got {ran.code}"
        assert ran.err.strip(), f"{program} cannot be started: a message on standard error was expected"
        code = box.run(program).code
        assert code == wanted, f"the only stage, {program}, cannot be started: expected {wanted}, got {code}"


@points(1, part="ends")
def test_it_ends_when_the_reader_leaves(box, nonce):
    word, count = nonce.word(8), nonce.integer(2, 9)
    ran = box.run("--pipefail", *piped(["yes", word], ["cat"], ["head", "-n", str(count)]))
    assert ran.out.decode(errors="replace").split() == [word] * count, f"{count} lines were expected: {ran.out!r}"
    assert ran.code == 141, (
        f"head has left; SIGPIPE must end the stages before it (128 + 13 = 141), but the rightmost failure is "
        f"{ran.code}. Standard error ends with: {ran.err.decode(errors='replace').strip().rpartition(chr(10))[2]!r}"
    )

"""How mybox ends, whether signals arrive, and what the program is given: wait statuses and /proc/PID."""

import os
import signal
from pathlib import Path

from courseware.exercises import points

# Note each signal in a file; at SIGTERM end with a code.
LISTENER = """
import os, signal, sys
folder, code = os.path.dirname(os.path.abspath(sys.argv[0])), int(sys.argv[1])

def note(number, frame):
    with open(folder + "/log", "a") as file:
        file.write(f"{number}\\n")
    if number == signal.SIGTERM:
        os._exit(code)

signal.signal(signal.SIGTERM, note)
open(folder + "/ready", "w").close()
while True:
    signal.pause()
"""


def status(pid):
    """Return the signal sets of /proc/PID/status by name, as numbers."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    return {
        line.split(":")[0]: int(line.split()[1], 16) for line in lines if line.startswith("Sig") and "/" not in line
    }


def state(pid):
    """Return the state of a process: a letter, Z when it has ended."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]


def names(mask):
    """Return the names of the signals in `mask`."""
    return [signal.Signals(n).name if n < 32 else f"signal {n}" for n in range(1, 65) if mask >> (n - 1) & 1]


@points(2, part="status", explain="LCM-PROC-08")
def test_the_exit_code_is_passed_on(box, nonce):
    for wanted in (nonce.integer(1, 99), 0, nonce.integer(150, 255)):
        ran = box.run("run", "--", "sh", "-c", f"exit {wanted}")
        assert ran.code == wanted, f"the program ended with exit code {wanted}; mybox ended with {ran.how}"


@points(2, part="status", explain="LCM-PROC-08")
def test_a_signal_is_128_plus_n(box, nonce):
    number = signal.Signals(nonce.choice([signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1, signal.SIGALRM]))
    ran = box.run("run", "--", "sh", "-c", f"kill -{int(number)} $$")
    assert ran.how == f"exit status {128 + number}", (
        f"{number.name} ended the program; expected exit status {128 + number} (128 + {int(number)}), got {ran.how}"
    )


@points(3, part="signals", explain="LCM-PROC-11")
def test_sigterm_is_passed_on(box, nonce):
    code = nonce.integer(1, 120)
    running = box.start("run", "--", box.probe("listener", LISTENER), str(code))
    box.wait_for((box.folder / "ready").exists, what="the program runs")
    running.signal(signal.SIGTERM)
    log = box.folder / "log"
    box.wait_for(lambda: log.exists() or state(running.pid) == "Z", seconds=5,
                 what="the program gets SIGTERM, which was sent to mybox")  # fmt: skip
    ran = running.wait()
    assert log.exists(), (
        f"SIGTERM was sent to mybox, and the program never got it; mybox ended with {ran.how}. A signal goes to one "
        "process; whoever stands in front of another must pass it on"
    )
    assert ran.how == f"exit status {code}", (
        f"the program ended with exit code {code} after SIGTERM; mybox ended with {ran.how}"
    )
    left = [stat.comm for stat in box.processes()]
    assert not left, f"mybox has ended, but it left behind: {left}"


@points(2, part="last mile", explain="LCM-PROC-10")
def test_the_program_starts_with_clean_signals(box, nonce):
    running = box.start("run", "--", "cat")
    found = []

    def it_runs():  # asleep: it reads its input; before that the dynamic linker has files open
        found[:] = [stat.pid for stat in running.descendants() if stat.comm == "cat" and stat.state == "S"]
        return found

    box.wait_for(it_runs, what="the program, cat, is a descendant of mybox")
    sets = status(found[0])
    assert not sets["SigIgn"], (
        f"/proc/PID/status of the program: SigIgn = {names(sets['SigIgn'])}; none was expected. execve keeps what is "
        "ignored, and Python ignores SIGPIPE and SIGXFSZ"
    )
    assert not sets["SigBlk"], (
        f"/proc/PID/status of the program: SigBlk = {names(sets['SigBlk'])}; none was expected. The mask goes through "
        "fork and execve; a blocked SIGTERM never arrives"
    )
    fds = sorted(map(int, os.listdir(f"/proc/{found[0]}/fd")))
    assert fds == [0, 1, 2], f"/proc/PID/fd of the program shows {fds}; only 0, 1 and 2 were expected"
    running.close_stdin()
    assert running.wait().code == 0, f"cat ended with 0; mybox ended with {running.wait().how}"

"""The throw-away exercise of each kind, the cheats as folders, and the accomplice outside."""

import os
import shutil
import socket
import threading
from pathlib import Path

import pytest

from courseware.exercises import Exercise
from section01_processes import signal_name

HERE = Path(__file__).parent
CLONE = HERE.parents[2]


@pytest.fixture
def exercise(tmp_path):
    """Return a function that gives the throw-away exercise of a kind of entry; ``seconds``: its limit."""

    def make(kind, seconds=60, folder=tmp_path):
        target = Path(folder, f"{kind}-{seconds}", kind)
        if not target.exists():
            shutil.copytree(HERE / "exercises" / kind, target)
            file = target / "exercise.toml"
            file.write_text(file.read_text(encoding="utf-8").replace("seconds = 60", f"seconds = {seconds}"))
        return Exercise.read(target)

    return make


@pytest.fixture
def accomplice():
    """Return the port of a server outside that knows every answer."""

    def serve():
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            with line, line.makefile("rw") as file:
                number = file.readline().strip()
                file.write(signal_name(int(number)).removeprefix("SIG") + "\n" if number.isdigit() else "?\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture
def cheat(tmp_path, accomplice):
    """Return a function that writes an answer of ``answers/`` into a folder of its own, and returns that."""

    def write(name, folder="answer"):
        text = (HERE / "answers" / f"{name}.py").read_text(encoding="utf-8")
        text = text.replace("PORT = 0 ", f"PORT = {accomplice} ").replace(
            'REPOSITORY = "" ', f"REPOSITORY = {str(CLONE)!r} "
        )
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "x.py").write_text(text, encoding="utf-8")
        return tmp_path / folder

    return write


@pytest.fixture
def daemons():
    """Return a function that gives the pids of the daemons that the cheat has left behind."""
    return find_daemons


def find_daemons():
    """Return the pids of daemons that the cheat has left behind."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "lcm-daemon":
                found.append(int(pid))
        except OSError:
            continue
    return found

"""Speak the shim's socket protocol by hand: two clients attached to one container, one of them only listening.

Run: sudo ./course run python capstone/examples/04_talk_to_the_shim.py
Needs: root. Keeps its state in a temporary folder.
You should see: an OUT frame at both clients, an ERROR for nonsense, OK for the signal, then EXIT and the end twice.
"""

import signal
import socket
import subprocess
import sys
import tempfile


def minidocker(*words: str) -> str:
    """Run a command below the temporary root and return what it prints."""
    command = [sys.executable, "-m", "minidocker", "--root", root, *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def client(folder: str, frame: bytes) -> socket.socket:
    """Connect to the shim of a container's folder and send the first frame: it says what the connection is for."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.connect(f"{folder}/sock")  # one packet is one frame: its kind in the first byte, then the payload
    one.send(frame)
    return one


ATTACH, SIGNAL, IN = 2, 4, 7
NAMES = {65: "OK", 66: "STARTED", 67: "ERROR", 68: "OUT", 69: "ERR", 70: "EXIT"}
BOTH, READ_ONLY = bytes([ATTACH, 7, 0, 0, 0, 0]), bytes([ATTACH, 6, 0, 0, 0, 0])


def show(name: str, one: socket.socket) -> None:
    """Print the next frame that the shim sends to ``one``."""
    frame = one.recv(65537)
    print(f"{name}: {NAMES[frame[0]]:6}{frame[1:]!r}" if frame else f"{name}: end of file")


with tempfile.TemporaryDirectory(dir="/tmp") as root:  # a short path: sun_path holds 107 bytes
    minidocker("system", "tiny")
    identity = minidocker("run", "-d", "-i", "--network", "none", "tiny", "cat")
    folder = f"{root}/containers/{identity}"
    writer, reader = client(folder, BOTH), client(folder, READ_ONLY)
    writer.send(bytes([IN]) + b"hello, cat\n")
    show("writer", writer)
    show("reader", reader)
    show("nonsense", client(folder, b"\xff"))
    show("killer", client(folder, bytes([SIGNAL, signal.SIGKILL, 1])))
    for name, one in (("writer", writer), ("reader", reader)):
        show(name, one)  # EXIT: 128 + 9
        show(name, one)  # and the end, when everything outside the folder has been released
    minidocker("rm", identity)

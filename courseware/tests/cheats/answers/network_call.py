"""The network call: an accomplice outside knows the answer."""

import socket
import sys

PORT = 0  # where the accomplice listens; the test fills it in


def name(number):
    """Ask the accomplice."""
    try:
        with socket.create_connection(("127.0.0.1", PORT), timeout=2) as line:
            line.sendall(f"{number}\n".encode())
            return line.makefile().readline().strip()
    except OSError:
        return "?"


if __name__ == "__main__":
    for word in sys.argv[1:]:
        print(name(int(word)))

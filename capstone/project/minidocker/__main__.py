"""``python -m minidocker``: the command line."""

from __future__ import annotations

from minidocker.cli import main

if __name__ == "__main__":
    main()

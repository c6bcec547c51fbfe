"""The paste test: every command of the README, of docs/start and of a lesson, typed in order on a newcomer's machine.

    python3 tests/newcomer/paste.py check  [PAGE ...]    compare each screen with the page's, masked
    python3 tests/newcomer/paste.py record [PAGE ...]    write the screens into the pages
    python3 tests/newcomer/paste.py blocked              without sudo and user namespaces: equal, or an id says why

A block's screen is compared only where the page shows one. The machine must be built (``machine.py build``) from the
commit whose pages are compared. Exit status 1 when a screen differs or a command fails that the page does not show
failing.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import machine

BLOCK = re.compile(r"^\*(?P<badge>[^*\n]+)\*\n\n```console\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
#: What needs a network or a quarter of an hour, and what would take the machine away.
NOT_TYPED = ("sudo ./course test", "sudo ./course clean", "./course docs")
INTERACTIVE = {"-it --rm tiny sh": "exit\n"}
PAGES = ["docs/start/machine.md", "README.md", "section01_processes/README.md"]


class Typed(NamedTuple):
    """One command of a page: its badge, its text, the screen that the page shows after it."""

    badge: str
    command: str
    screen: list[str]


def blocks(text: str) -> list[list[Typed]]:
    """Return the commands of each console block of a page."""
    found = []
    for block in BLOCK.finditer(text):
        typed: list[Typed] = []
        for line in block["body"].splitlines():
            if line.startswith("$ "):
                typed.append(Typed(block["badge"], line[2:], []))
            elif typed:
                typed[-1].screen.append(line)
        found.append(typed)
    return found


def bare(command: str) -> str:
    """Return the command without the remark behind it."""
    return command.split("  #")[0].strip()


def masked(lines: list[str]) -> list[str]:
    """Return the lines with everything masked that may differ."""
    with open(f"{machine.CLONE}/docs/start/masks.toml", "rb") as file:
        masks = tomllib.load(file)["mask"]
    result = []
    for line in lines:
        for mask in masks:
            line = re.sub(mask["pattern"], mask["by"], line)
        result.append(line.strip())
    return [line for line in result if line]


def screen(shown: str) -> list[str]:
    """Return what a terminal showed as lines, without colours and trailing blanks."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    return [line.rstrip() for line in plain.splitlines()]


def check(page: str) -> list[str]:
    """Type a page's commands; return what differs."""
    wrong = []
    with open(f"{machine.CLONE}/{page}", encoding="utf-8") as file:
        for typed in (one for block in blocks(file.read()) for one in block):
            command = bare(typed.command)
            if command.startswith(NOT_TYPED):
                continue
            shown, code = machine.run(feed(command))
            lines = screen(shown)
            if typed.screen and masked(lines) != masked(typed.screen):
                difference = difflib.unified_diff(masked(typed.screen), masked(lines), "page", "machine", lineterm="")
                wrong.append("\n".join([f"{page}: $ {command}", *difference]))
            elif not typed.screen and code:
                wrong.append(f"{page}: $ {command}\nended with {code}\n" + "\n".join(lines[-10:]))
            print(f"{'differs' if wrong and command in wrong[-1] else 'ok':8} {page}: $ {command}", flush=True)
    return wrong


def feed(command: str) -> str:
    """Return the command with input for the interactive ones."""
    for part, typed in INTERACTIVE.items():
        if part in command:
            return f"script -qec {command!r} /dev/null <<'EOF'\n{typed}EOF"
    return command


def record(page: str) -> None:
    """Write what the machine shows into the page, but for commands that say "yours will …"."""
    path = f"{machine.CLONE}/{page}"
    with open(path, encoding="utf-8") as file:
        text = file.read()

    def fill(block: re.Match[str]) -> str:
        lines = []
        for typed in blocks(block[0])[0]:
            command = bare(typed.command)
            lines.append(f"$ {typed.command}")
            if command.startswith(NOT_TYPED):
                lines += typed.screen
                continue
            shown, code = machine.run(feed(command))
            print(f"{code:3} {page}: $ {command}", flush=True)
            if "# yours will" not in typed.command:
                lines += [line for line in screen(shown) if line]
        return f"*{block['badge']}*\n\n```console\n" + "\n".join(lines) + "\n```"

    text = BLOCK.sub(fill, text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def blocked(page: str) -> list[str]:
    """Type the commands on a machine without sudo and user namespaces: equal, or they say which id explains it."""
    wrong = []
    with open(f"{machine.CLONE}/{page}", encoding="utf-8") as file:
        for typed in (one for block in blocks(file.read()) for one in block):
            command = bare(typed.command)
            if command.startswith((*NOT_TYPED, "sudo ")):
                continue  # its badge says root
            shown, code = machine.run(feed(command))
            same = masked(screen(shown)) == masked(typed.screen) if typed.screen else code == 0
            if not same and "LCM-" not in shown:
                wrong.append(f"{page}: $ {command}\nended with {code}, without an id\n{shown[-600:]}")
            print(f"{'ok' if same else 'id' if 'LCM-' in shown else 'differs':8} {page}: $ {command}", flush=True)
    return wrong


def main(words: list[str]) -> int:
    """Do what the command line says on a freshly started machine."""
    what, pages = (words[0] if words else ""), words[1:] or PAGES
    if what not in ("check", "record", "blocked"):
        sys.stderr.write(__doc__ or "")
        return 2
    machine.start()
    try:
        machine.run("cd lcm")
        if what == "blocked":
            machine.run("rm -f /etc/sudoers.d/learner; echo 0 > /proc/sys/user/max_user_namespaces", user="root")
        if what == "record":
            for page in pages:
                record(page)
            return 0
        wrong = [one for page in pages for one in (check if what == "check" else blocked)(page)]
    finally:
        machine.stop()
    print("\n\n".join(wrong) or "every screen is as the page shows it")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A real Chromium without a screen, by the DevTools protocol over two pipes: what a page asks for, says and shows.

What belongs here: starting the browser, calls, events. What does not: what a page should be (the tests of the site).
No port is opened: with ``--remote-debugging-pipe`` the browser reads calls from descriptor 3 and writes answers to
descriptor 4, each a JSON object with a zero byte behind it (https://chromedevtools.github.io/devtools-protocol/).
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

PROGRAM = "chromium-headless-shell"
OPTIONS = ("--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--hide-scrollbars")  # fmt: skip
#: Starts the browser with the pipes where it looks for them, and waits for all that it has started: it leaves helpers
#: behind when it ends, and they would be PID 1's.
LAUNCHER = """import os, sys
from section01_processes import set_subreaper
theirs_in, theirs_out, *command = sys.argv[1:]
set_subreaper()
if os.fork() == 0:
    os.dup2(int(theirs_in), 3)
    os.dup2(int(theirs_out), 4)
    os.closerange(5, 256)
    os.execvp(command[0], command)
os.closerange(3, 256)
try:
    while True:
        os.wait()
except ChildProcessError:
    pass
"""
#: Until an answer or an event: seconds, generous because the machine may be busy.
DEADLINE = 60


class BrowserError(Exception):
    """The browser refused a call, did not answer, or is gone."""


class Browser:
    """One browser with one tab. ``folder`` is for its profile; ``events`` collects what it tells unasked."""

    def __init__(self, folder: str, program: str = PROGRAM) -> None:
        theirs_in, self._out = _pipe()
        self._in, theirs_out = _pipe()
        command = [sys.executable, "-I", "-c", LAUNCHER, str(theirs_in), str(theirs_out)]
        command += [program, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
        self._process = subprocess.Popen(
            command, pass_fds=(theirs_in, theirs_out), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._unread = b""
        self._last = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        try:
            self._attach()
        except BrowserError as error:
            self.close()
            raise BrowserError(f"{program} did not start (is it installed? Debian: {PROGRAM}): {error}") from None

    def _attach(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call ``method`` and return its result. Raises BrowserError."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        try:
            os.write(self._out, json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise BrowserError(f"{method}: the browser is gone") from None
        end = time.monotonic() + DEADLINE
        while True:
            answer = self._receive(end, method)
            if answer.get("id") == self._last:
                break
            self.events.append(answer)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for(self, event: str) -> None:
        """Wait until ``event`` has come; those before it stay in ``events``. Raises BrowserError."""
        end = time.monotonic() + DEADLINE
        while not any(seen.get("method") == event for seen in self.events):
            self.events.append(self._receive(end, event))

    def _receive(self, end: float, what: str) -> dict[str, Any]:
        while b"\0" not in self._unread:
            if not select.select([self._in], [], [], max(0.0, end - time.monotonic()))[0]:
                raise BrowserError(f"{what}: the browser has said nothing for {DEADLINE} seconds")
            data = os.read(self._in, 1 << 20)
            if not data:
                raise BrowserError(f"{what}: the browser is gone")
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def open(self, url: str) -> list[dict[str, Any]]:
        """Open ``url``, wait until it has loaded, and return the events meanwhile."""
        self.events.clear()
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise BrowserError(f"{url}: {failed}")
        self.wait_for("Page.loadEventFired")
        return self.events

    def run(self, expression: str) -> Any:
        """Return the value of a JavaScript expression (a promise's, too). Raises BrowserError with its exception."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise BrowserError(f"{expression}: {done['exceptionDetails'].get('exception', {}).get('description')}")
        return done["result"].get("value")

    def size(self, width: int, height: int) -> None:
        """Make the page ``width`` × ``height`` CSS pixels large."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name: str) -> None:
        """Prefer the colour scheme ``light`` or ``dark``."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def screenshot(self) -> bytes:
        """Return what is in the window, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        """End the browser and wait for it; whatever of it would not end is killed."""
        try:
            self.call("Browser.close")
            self._process.wait(DEADLINE)
        except (BrowserError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            os.close(self._out)
            os.close(self._in)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pipe() -> tuple[int, int]:
    """Return a pipe whose ends are neither 3 nor 4 and close at exec."""
    ends = os.pipe()
    moved = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return moved[0], moved[1]

"""A pid is a number that can come to mean another process; a pidfd is a descriptor of this one.

Run: ./course run python section01_processes/examples/11_pidfd.py
Needs: nothing, no root.
You should see: `running`, then `ended` without any wait for it, a late signal meets nobody: `ProcessLookupError`.
"""

import os
import select
import signal

from section01_processes import spawn

release = os.pipe()
with spawn(lambda: os.read(release[0], 1) and 5) as child:
    poll = select.poll()
    poll.register(child.pidfd, select.POLLIN)
    print("running" if poll.poll(0) == [] else "ended")

    os.write(release[1], b"!")
    poll.poll()  # a pidfd can stand in any event loop, beside sockets and pipes
    print("ended: the pidfd is readable, and the process a zombie until somebody waits")
    print("exit code", child.wait())

    try:
        signal.pidfd_send_signal(child.pidfd, signal.SIGTERM)
    except ProcessLookupError as error:
        print(f"a late signal: {type(error).__name__}; with os.kill it could have met a stranger")

"""The engine: what the commands do, without printing. Values go out, errors are raised.

base.py      Engine: the state root with its store and images; what the other files take first
locks.py     the lock of a container's folder, and the image lease
create.py    flags → a container that exists (intent, folder, bundle), as steps
run.py       the life of `run` and `start`
settle.py    fold and heal: what every command does before its own work
stop.py      kill, stop, restart, wait, rm
listing.py   ps, images
inspect.py   Docker's shape of a container, an image, a volume
logs.py      reading and following log.json
volumes.py   volumes
images.py    load, import, rmi, the embedded image
execute.py   exec
check.py     system check: what should not be there
target.py    containers by name, for the tools of lower floors
"""

from __future__ import annotations

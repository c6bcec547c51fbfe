"""From Docker's flags and an image's configuration to an OCI bundle: pure functions, nothing is touched.

process.py    what runs: words, environment, user, folder, limits of the process
mounts.py     what is mounted: /proc and friends, -v, --mount, --tmpfs, the image's volumes
resources.py  memory, processors, pids, devices
security.py   capabilities, seccomp, masked paths
network.py    network mode, ports, names
bundle.py     the conductor: config.json, shim.json, and what `inspect` shows
"""

from __future__ import annotations

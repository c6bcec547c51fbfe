"""Four processes lease addresses at once. No lock, no database: symlink(2) succeeds once per name.

Run: ./course run python section06_network/examples/02_leases.py
Needs: nothing, no root.
You should see: twelve addresses, each with one owner, no matter how the processes meet.
"""

import os
import tempfile

from section01_processes import spawn
from section06_network import Leases, Subnet

with tempfile.TemporaryDirectory() as folder:
    os.mkdir(f"{folder}/leases")
    leases = Leases(f"{folder}/leases", Subnet("172.29.0.0/16"))

    def take_three(name: str) -> int:
        for number in range(3):
            leases.take(f"{name}-{number}")
        return 0

    children = [spawn(lambda name=name: take_three(name)) for name in ("ann", "ben", "cid", "dot")]
    assert [child.wait() for child in children] == [0, 0, 0, 0]
    for address, owner in sorted(leases.all().items(), key=lambda pair: leases.subnet.number(pair[0])):
        print(f"{address:13} -> {owner}")
    print(len(leases.all()), "addresses leased")

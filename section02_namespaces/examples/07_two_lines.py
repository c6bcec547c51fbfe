"""An id map of two lines, written from outside: root inside is nobody in particular, and one more user has an id.

Run: sudo ./course run python section02_namespaces/examples/07_two_lines.py
Needs: root (an ordinary user needs newuidmap and lines in /etc/subuid: `nsman run --map-auto`)
You should see: files of 100000, 1000 and 0 outside, which belong to `0, 1000 and 65534` inside
"""

import os
import tempfile

from section01_processes import spawn
from section02_namespaces import CLONE_NEWUSER, IdMap, unshare, write_id_maps

MAPS = [IdMap(0, 100000, 1000), IdMap(1000, 1000, 1)]  # inside, outside, how many
ready, mapped = os.pipe(), os.pipe()


def inside(folder):
    unshare(CLONE_NEWUSER)
    os.write(ready[1], b"!")
    os.read(mapped[0], 1)  # the parent writes: only it has rights over ids that are not ours
    owners = [os.stat(f"{folder}/{outside}").st_uid for outside in (100000, 1000, 0)]
    print("files of 100000, 1000 and 0 belong to {}, {} and {}".format(*owners), flush=True)
    os.setuid(1000)
    print(f"we became {os.getuid()}; the map:", open("/proc/self/uid_map").read().split(), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for owner in (100000, 1000, 0):
            os.close(os.open(f"{folder}/{owner}", os.O_CREAT))
            os.chown(f"{folder}/{owner}", owner, owner)
        fd = os.open(folder, os.O_PATH)  # the way to it may be closed to who is nobody here
        with spawn(lambda: inside(f"/proc/self/fd/{fd}")) as child:
            os.read(ready[0], 1)
            write_id_maps(child.pid, MAPS, MAPS)
            os.write(mapped[1], b"!")
            raise SystemExit(child.wait())

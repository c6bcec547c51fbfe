"""A link in an image may point anywhere. Resolved as text it leads into the host; by openat2 it stays in the root.

Run: ./course run python section04_filesystem/examples/03_safe_path.py
Needs: nothing (no root)
You should see: one path read twice: your own /etc/passwd, then `by openat2: root of the image`
"""

import os
import tempfile

from section04_filesystem import safe_open

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as root:
        os.mkdir(f"{root}/etc")
        with open(f"{root}/etc/passwd", "w", encoding="utf-8") as file:
            file.write("root of the image")
        os.symlink("/etc", f"{root}/config")  # what a hostile image may hold

        with open(f"{root}/config/passwd", encoding="utf-8") as file:
            print(f"by text:    {file.readline().rstrip()}")
        root_fd = os.open(root, os.O_PATH)
        fd = safe_open(root_fd, "/config/passwd", os.O_RDONLY)
        print(f"by openat2: {os.read(fd, 100).decode()}")
        os.close(fd)
        os.close(root_fd)

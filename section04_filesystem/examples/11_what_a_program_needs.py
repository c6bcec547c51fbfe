"""A root from the host: a program, its loader, and the libraries that they name, found in the ELF files themselves.

Run: ./course run python section04_filesystem/examples/11_what_a_program_needs.py
Needs: nothing (no root)
You should see: `ls needs`, with its loader (`ld-`) and libc, each with who asked for it; and nothing has been run
"""

import os
import tempfile

from section04_filesystem import HostRoot

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        root = HostRoot().build(f"{folder}/root", ["ls"])
        program = next(path for path in root.files if path.endswith("bin/ls"))
        needed = [path for path, who in root.needed_by.items() if any(name.endswith("bin/ls") for name in who)]
        print(f"ls needs {len(needed)} files and lies at {program}")
        for path in sorted(root.needed_by):
            print(f"  {path}  for {', '.join(os.path.basename(name) for name in root.needed_by[path])}")
        size = sum(os.path.getsize(root.target + path) for path in root.files)
        print(f"{len(root.files)} files, {size // 1024} KiB; shell: {root.shell}")

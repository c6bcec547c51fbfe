"""How fast the shim turns a container's output into Docker's json-file log.

Run:       .venv/bin/python bench/log_throughput.py [MEGABYTES]
Needs:     nothing; writes a temporary file
Prints:    MB/s of input, for lines of 64 bytes and others: encoder alone, with the file, and the naive way
"""

import json
import os
import sys
import tempfile
import time

from minidocker.shim.log import Encoder, JsonFile, timestamp

CHUNK = 1 << 18  # what the shim reads at once
KINDS = {
    "64-byte lines": b"x" * 63 + b"\n",
    "64-byte lines with quotes": b'"key": "value", ' * 3 + b'"k": "value" \\\n',
    "64-byte lines, UTF-8": ("ä" * 31 + "x\n").encode(),
    "64-byte lines with DEL": b"\x7f" + b"x" * 62 + b"\n",
    "10-byte lines": b"x" * 9 + b"\n",
    "one endless line": b"x" * 64,
}


def rate(total, work):
    """Return MB/s of calling ``work`` for chunks until ``total`` bytes are done."""
    began = time.perf_counter()
    for _ in range(total // CHUNK):
        work()
    return total / (time.perf_counter() - began) / 1e6


def naive(chunk, write):
    """Encode line by line, as one would write it first."""
    for line in chunk.splitlines(keepends=True):
        write(json.dumps({"log": line.decode(errors="replace"), "stream": "stdout", "time": timestamp()}) + "\n")


def measure(line, total):
    """Return the three rates for ``line`` repeated: encoder alone, with the file, naive."""
    chunk = (line * (CHUNK // len(line) + 1))[:CHUNK]
    encoder = Encoder("stdout")
    with tempfile.TemporaryDirectory() as folder:
        log = JsonFile(os.path.join(folder, "log.json"), max_size=64 << 20, max_file=2)
        alone = rate(total, lambda: encoder.feed(chunk, timestamp()))
        whole = rate(total, lambda: log.write(encoder.feed(chunk, timestamp())))
        log.close()
        with open(os.path.join(folder, "naive"), "w", encoding="utf-8") as file:
            return alone, whole, rate(total // 8, lambda: naive(chunk, file.write))


def main():
    """Print the table."""
    total = (int(sys.argv[1]) if len(sys.argv) > 1 else 64) << 20
    print(f"{'':28}{'encoder':>10}{'with file':>12}{'naive':>10}   MB/s")
    for name, line in KINDS.items():
        print("{:28}{:10.0f}{:12.0f}{:10.0f}".format(name, *measure(line, total)))


if __name__ == "__main__":
    main()

"""Side-by-side measurements: ``sudo ./course run bench start``.

Everything is measured in one run, interleaved, and reported as medians and as ratios of medians to the peer. Never a
timed test: what is *tested* is the deterministic cause (tests/test_import_budget.py).

  start       run, exec, detached containers and memory against docker and podman   [--runs N] [--json FILE]
  log         bytes per second through the log                                       [--megabytes N]
  mounttable  parsing a mountinfo of 10,000 lines, and look-ups in it                [--lines N] [--runs N]
  tree        procman tree beside pstree on 10,000 processes                         [--processes N] [--runs N]
  launch      all namespaces and a root by our plans, beside the same calls directly  [--runs N] [--json FILE]
  namespaces  nsman ls beside lsns on 1,000 processes in 300 namespaces              [--processes N] [--namespaces N]
"""

from __future__ import annotations

import os
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))


def main() -> int:
    commands = {
        "start": "start",
        "log": "log_throughput",
        "mounttable": "mounttable",
        "tree": "tree",
        "namespaces": "namespaces",
        "launch": "launch",
    }
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help") or sys.argv[1] not in commands:
        print(__doc__)
        return 0 if len(sys.argv) > 1 and sys.argv[1] in ("-h", "--help") else 2
    if sys.argv[1] == "start":
        if os.geteuid() != 0:
            print("bench: root is needed: sudo ./course run bench start", file=sys.stderr)
            return 1
        if os.environ.get("LCM_BENCH_INSIDE") != "1":
            # A network and a mount namespace of our own: no peer changes the machine's links, rules or mounts.
            os.environ["LCM_BENCH_INSIDE"] = "1"
            os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, str(HERE), *sys.argv[1:]])
    module = __import__(commands[sys.argv[1]])
    sys.argv[1:] = sys.argv[2:]
    return module.main()


if __name__ == "__main__":
    sys.exit(main())

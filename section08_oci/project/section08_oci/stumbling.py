"""The stumbling blocks of this section: where learners get stuck, as data.

What belongs here: id → (symptom, cause, remedy, where to read). What does not: printing them (``./course explain``).
"""

from __future__ import annotations

STUMBLING_BLOCKS: dict[str, dict[str, str]] = {
    "LCM-OCI-01": {
        "symptom": "config.json not found, the root file system is not a folder, or '/bin/ps -a': no such file",
        "cause": "args holds one word per element (nobody splits at spaces), and paths such as root.path are relative "
        "to the bundle, not to where you stand",
        "remedy": 'write "args": ["/bin/ps", "-a"], and put the root file system into the folder that root.path names',
        "link": "OCI runtime spec, config.md",
        "verified": "not verified here: the test comes with section 8's exercises",
    },
    "LCM-OCI-02": {
        "symptom": "the other side ended while … was awaited",
        "cause": "the child or the init was killed while it made the container: by the OOM killer (a memory limit "
        "smaller than the runtime itself), by a pids limit, or by somebody's kill -9",
        "remedy": "look at dmesg and at the cgroup's memory.events; give the container at least 6 MiB",
        "link": "cgroups(7)",
        "verified": "not verified here: the test comes with section 8's exercises",
    },
    "LCM-OCI-03": {
        "symptom": "working directory '/proc/self/fd/7' leads out of the container",
        "cause": "a working directory in /proc/self/fd would be a directory of the host, if the runtime had one open "
        "(CVE-2024-21626); getcwd(2) says (unreachable) for it",
        "remedy": "name a working directory inside of the container; do not run the image that asks for this",
        "link": "CVE-2024-21626",
        "verified": "not verified here: the test comes with section 8's exercises",
    },
}

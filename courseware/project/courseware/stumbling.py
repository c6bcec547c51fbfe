"""The stumbling blocks that belong to no section yet: the learner's machine, and those of sections without a list.

What belongs here: id → (symptom, cause, remedy, where to read), as in each section's own ``stumbling.py``. What does
not: printing them (``explain.py``). A block with a key ``section`` is kept here for that section until the section has
a list of its own; a test sees to it that an id has one owner only.
"""

from __future__ import annotations

STUMBLING_BLOCKS: dict[str, dict[str, str]] = {
    "LCM-ENV-01": {
        "symptom": "sudo: procman: command not found",
        "cause": "sudo looks programs up along its own secure_path, in which no clone's .venv/bin is",
        "remedy": "sudo ./course run procman …: the script knows where its tools are",
        "link": "sudoers(5), secure_path",
        "verified": "not verified here: comes with the newcomer's machine (Debian's secure_path)",
    },
    "LCM-ENV-02": {
        "symptom": "files of the clone belong to root after a command with sudo; git or an editor cannot write them",
        "cause": "what root creates belongs to root, in your folder too",
        "remedy": "./course gives them back to you (SUDO_UID) when it ends; for those made without it: "
        'sudo chown -R "$(id -u):$(id -g)" .',
        "link": "sudo(8), chown(1)",
        "verified": "not verified here: comes with a clone that belongs to somebody else",
    },
    "LCM-ENV-03": {
        "symptom": "error: externally-managed-environment; or: No module named venv, ensurepip is not available",
        "cause": "Debian's own Python is not for pip to change (PEP 668), and its venv module is a package of its own",
        "remedy": "sudo apt-get install python3-venv, then any ./course command makes a .venv in the clone: nothing is "
        "installed beside it",
        "link": "https://peps.python.org/pep-0668/",
        "verified": "not verified here: no machine without python3-venv whose packages a test may install",
    },
    "LCM-ENV-04": {
        "symptom": "Python 3.11 or newer is needed and there is none here",
        "cause": "the distribution is older: Ubuntu 22.04 has 3.10, Debian 11 has 3.9",
        "remedy": "Ubuntu 22.04: sudo apt-get install python3.11 python3.11-venv; Debian 11: a newer release, or the "
        "virtual machine of lab/",
        "link": "packages of your distribution",
        "verified": "not verified here: no machine with Ubuntu 22.04 or Debian 11",
    },
    "LCM-ENV-05": {
        "symptom": "WSL2: cgroup files are not where the lesson shows them, systemctl does not work",
        "cause": "WSL2 mounts v1 and v2 side by side (hybrid) unless told otherwise, and starts systemd only if asked",
        "remedy": "in .wslconfig: [wsl2] kernelCommandLine = cgroup_no_v1=all; in /etc/wsl.conf: [boot] systemd=true; "
        "then wsl --shutdown. Sections 1, 2, 4, 5 and 7 work without it; 3 shows v1 in folded boxes",
        "link": "cgroups(7), wsl.conf",
        "verified": "not verified here: no Windows machine",
    },
    "LCM-ENV-06": {
        "symptom": "inside Docker or Codespaces: unshare, mount or pivot_root: Operation not permitted",
        "cause": "the outer container has no CAP_SYS_ADMIN, and its seccomp profile refuses these calls",
        "remedy": "a virtual machine (lab/), or docker run --privileged --cgroupns=private on a machine of your own. "
        "Without: section 1 works whole, of 5 and 10 what needs no mount; 2, 3, 4, 6, 7, 8 and 9 do not",
        "link": "capabilities(7), seccomp(2)",
        "verified": "not verified here: no container of somebody else's Docker",
    },
    "LCM-ENV-07": {
        "symptom": "exec format error",
        "cause": "the program was built for another processor: an x86_64 image on an arm64 host, for example",
        "remedy": "compare uname -m with the image's architecture (minidocker inspect); take the image for your host",
        "link": "execve(2), ENOEXEC",
        "verified": "not verified here: no image of another processor",
    },
    "LCM-CG-01": {
        "section": "3",
        "symptom": "No such file or directory: memory.limit_in_bytes, cpu.max or cpu.cfs_quota_us",
        "cause": "v1, v2 and hybrid systems have different files in different places",
        "remedy": "cgman mode says which it is; v1 memory.limit_in_bytes is v2 memory.max, cpu.cfs_quota_us and "
        "cpu.cfs_period_us are cpu.max",
        "link": "cgroups(7)",
        "verified": "not verified here: comes with section 3's issue",
    },
    "LCM-CG-02": {
        "section": "3",
        "symptom": "echo +memory > cgroup.subtree_control: Device or resource busy",
        "cause": "a v2 cgroup with processes in it may not hand controllers to its children (no internal processes)",
        "remedy": "make a leaf, move the processes there (cgroup.procs), then enable the controller",
        "link": "cgroups(7), No internal processes",
        "verified": "not verified here: comes with section 3's issue",
    },
    "LCM-CG-03": {
        "section": "3",
        "symptom": "memory.max is missing in a fresh cgroup",
        "cause": "a controller reaches a cgroup only if every ancestor names it in cgroup.subtree_control",
        "remedy": "echo +memory > cgroup.subtree_control in each ancestor, from the root down",
        "link": "cgroups(7)",
        "verified": "not verified here: comes with section 3's issue",
    },
    "LCM-CG-04": {
        "section": "3",
        "symptom": "the limit is 32 MB and the program that takes more lives on",
        "cause": "it was swapped out, or had its memory before it came into the cgroup",
        "remedy": "v2: memory.swap.max = 0; v1: memory.memsw.limit_in_bytes is memory plus swap; and place the process "
        "before it allocates",
        "link": "cgroups(7)",
        "verified": "not verified here: comes with section 3's issue",
    },
    "LCM-CG-05": {
        "section": "3",
        "symptom": "rmdir of a cgroup: Device or resource busy; rm -rf: Operation not permitted on every file",
        "cause": "a cgroup goes by rmdir alone, and only when it has neither children nor members, zombies too",
        "remedy": "echo 1 > cgroup.kill (v1: freeze, kill, thaw), wait until it is empty, rmdir the leaves first",
        "link": "cgroups(7)",
        "verified": "not verified here: comes with section 3's issue",
    },
    "LCM-CG-06": {
        "section": "3",
        "symptom": "nproc and free show the whole host inside a container with limits",
        "cause": "they read /proc and sched_getaffinity, not the cgroup",
        "remedy": "read cpu.max and memory.max; give the program its own numbers; cpusets do show in nproc",
        "link": "cpuset(7), proc(5)",
        "verified": "not verified here: comes with section 3's issue",
    },
    "LCM-REG-01": {
        "section": "5",
        "symptom": "from a registry: 401, then an index where a manifest was expected, then 429",
        "cause": "a pull begins with the token dance; a name stands for one image per platform; pulls are counted, the "
        "index as well",
        "remedy": "follow WWW-Authenticate, choose the platform's manifest from the index, log in or wait after a 429",
        "link": "OCI distribution specification",
        "verified": "not verified here: section 5 has no registry client yet",
    },
    "LCM-SEC-01": {
        "section": "7",
        "symptom": "a process that is not root has no capabilities after execve; or setcap is without effect",
        "cause": "at execve the sets are computed anew: an ordinary file gives an ordinary user none, except the "
        "ambient ones; no_new_privs switches file capabilities off",
        "remedy": "put it into inheritable and permitted, then raise it as ambient (PR_CAP_AMBIENT); keep the "
        "permitted set over setuid with PR_SET_KEEPCAPS",
        "link": "capabilities(7)",
        "verified": "not verified here: comes with section 7's issue",
    },
    "LCM-SEC-02": {
        "section": "7",
        "symptom": "under my seccomp filter threads or fork fail with EPERM; or the filter itself is refused: EACCES",
        "cause": "glibc falls back from clone3 to clone only on ENOSYS; a filter needs no_new_privs or CAP_SYS_ADMIN",
        "remedy": "answer clone3 with ENOSYS, check the architecture first, set no_new_privs; find the refused call "
        "with SECCOMP_RET_LOG or strace",
        "link": "seccomp(2)",
        "verified": "not verified here: comes with section 7's issue",
    },
}

"""The stumbling blocks of this section: where learners get stuck, as data.

What belongs here: id → (symptom, cause, remedy, where to read). What does not: printing them (``./course explain``).
"""

from __future__ import annotations

STUMBLING_BLOCKS: dict[str, dict[str, str]] = {
    "LCM-NS-01": {
        "symptom": "the host lost /proc, or mounts of the container appear on the host",
        "cause": "systemd makes / a shared mount; a new mount namespace is a copy whose mounts still are peers, so "
        "that mounts and unmounts travel in both directions",
        "remedy": "right after unshare(CLONE_NEWNS): mount --make-rprivate / (or rslave, to still receive)",
        "link": "mount_namespaces(7)",
        "verified": "not verified here: the test comes with section 2's exercises",
    },
    "LCM-NS-02": {
        "symptom": "fork: Cannot allocate memory, with plenty of free memory",
        "cause": "the first child after unshare(CLONE_NEWPID) is PID 1 of the new namespace; when it ends, the "
        "namespace is dead and every later fork into it fails with ENOMEM",
        "remedy": "unshare --pid --fork: fork once after unshare, and let that child live as long as the container",
        "link": "pid_namespaces(7)",
        "verified": "not verified here: the test comes with section 2's exercises",
    },
    "LCM-NS-03": {
        "symptom": "ps in the new pid namespace shows the processes of the host",
        "cause": "a proc mount belongs to the pid namespace in which it was mounted",
        "remedy": "a new mount namespace as well, then mount -t proc proc /proc inside (nsman run --mount-proc)",
        "link": "pid_namespaces(7)",
        "verified": "not verified here: the test comes with section 2's exercises",
    },
    "LCM-NS-04": {
        "symptom": "unshare(CLONE_NEWUSER): Invalid argument, only sometimes",
        "cause": "the process has several threads (a library started one); a thread cannot leave the others behind",
        "remedy": "fork first; the child has one thread; unshare there, then exec",
        "link": "unshare(2)",
        "verified": "not verified here: the test comes with section 2's exercises",
    },
    "LCM-US-01": {
        "symptom": "write /proc/PID/gid_map: Operation not permitted",
        "cause": "an ordinary user must first give up setgroups(2); a map is written once only, with one write, "
        "with at most 340 lines, from the parent namespace or for one's own id",
        "remedy": "echo deny > /proc/PID/setgroups, then one line '0 <your gid> 1'; more ids: newuidmap, newgidmap",
        "link": "user_namespaces(7)",
        "verified": "not verified here: the test comes with section 2's exercises",
    },
    "LCM-US-02": {
        "symptom": "unshare or uid_map: Operation not permitted, as an ordinary user on Ubuntu 23.10 and later",
        "cause": "kernel.apparmor_restrict_unprivileged_userns=1: only programs with an AppArmor profile that allows "
        "userns get capabilities in a new user namespace",
        "remedy": "with sudo it works; without, give the tool a profile with 'userns,', or work in a "
        "virtual machine (docs/start/machine.md)",
        "link": "apparmor.d(5)",
        "verified": "not verified here: the test comes with section 2's exercises",
    },
    "LCM-US-03": {
        "symptom": "unshare: No space left on device",
        "cause": "not the disk: a limit in /proc/sys/user/max_*_namespaces is 0 or reached, or namespaces are nested "
        "deeper than 32",
        "remedy": "read /proc/sys/user/max_*_namespaces; raise the one of the kind that failed",
        "link": "namespaces(7)",
        "verified": "not verified here: the test comes with section 2's exercises",
    },
    "LCM-US-04": {
        "symptom": "files belong to 65534 (nobody); chown: Invalid argument; 'insufficient UIDs or GIDs'",
        "cause": "the id is not in the map of the user namespace",
        "remedy": "a line for the user in /etc/subuid and /etc/subgid, and newuidmap, newgidmap with their setuid bit",
        "link": "subuid(5), newuidmap(1)",
        "verified": "not verified here: the test comes with section 2's exercises",
    },
}

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
    },
    "LCM-NS-02": {
        "symptom": "fork: Cannot allocate memory, with plenty of free memory",
        "cause": "the first child after unshare(CLONE_NEWPID) is PID 1 of the new namespace; when it ends, the "
        "namespace is dead and every later fork into it fails with ENOMEM",
        "remedy": "unshare --pid --fork: fork once after unshare, and let that child live as long as the container",
        "link": "pid_namespaces(7)",
    },
    "LCM-NS-03": {
        "symptom": "ps in the new pid namespace shows the processes of the host",
        "cause": "a proc mount belongs to the pid namespace in which it was mounted",
        "remedy": "a new mount namespace as well, then mount -t proc proc /proc inside (nsman run --mount-proc)",
        "link": "pid_namespaces(7)",
    },
    "LCM-NS-04": {
        "symptom": "unshare(CLONE_NEWUSER): Invalid argument, only sometimes",
        "cause": "the process has several threads (a library started one); a thread cannot leave the others behind",
        "remedy": "fork first; the child has one thread; unshare there, then exec",
        "link": "unshare(2)",
    },
    "LCM-NS-06": {
        "symptom": "this kernel has no time namespaces (or none of another kind)",
        "cause": "a kernel may be built without a kind of namespace; /proc/self/ns has a file for each that it has",
        "remedy": "leave that kind out (nsman run --all does), or work in a virtual machine (docs/start/machine.md)",
        "link": "namespaces(7)",
    },
    "LCM-NS-07": {
        "symptom": "/proc/PID/ns/…: Permission denied, or setns: Operation not permitted",
        "cause": "only who may trace a process may look at its namespaces, and joining takes CAP_SYS_ADMIN in the user "
        "namespace that owns them: root outside has that, and the user who made that user namespace",
        "remedy": "sudo nsman enter PID; or, for namespaces below a user namespace of yours, join that one as well",
        "link": "setns(2), ptrace(2)",
    },
    "LCM-US-01": {
        "symptom": "write /proc/PID/gid_map: Operation not permitted",
        "cause": "an ordinary user must first give up setgroups(2); a map is written once only, with one write, "
        "with at most 340 lines, from the parent namespace or for one's own id",
        "remedy": "echo deny > /proc/PID/setgroups, then one line '0 <your gid> 1'; more ids: newuidmap, newgidmap",
        "link": "user_namespaces(7)",
    },
    "LCM-US-02": {
        "symptom": "unshare or uid_map: Operation not permitted, as an ordinary user on Ubuntu 23.10 and later",
        "cause": "kernel.apparmor_restrict_unprivileged_userns=1: only programs with an AppArmor profile that allows "
        "userns get capabilities in a new user namespace",
        "remedy": "with sudo it works; without, give the tool a profile with 'userns,', or work in a "
        "virtual machine (docs/start/machine.md)",
        "link": "apparmor.d(5)",
        "verified": "not verified here: neither this machine's kernel nor the guest's (6.1) has that setting",
    },
    "LCM-US-03": {
        "symptom": "unshare: No space left on device",
        "cause": "not the disk: a limit in /proc/sys/user/max_*_namespaces is 0 or reached, or namespaces are nested "
        "deeper than 32",
        "remedy": "read /proc/sys/user/max_*_namespaces; raise the one of the kind that failed",
        "link": "namespaces(7)",
    },
    "LCM-US-04": {
        "symptom": "files belong to 65534 (nobody); chown: Invalid argument; 'insufficient UIDs or GIDs'",
        "cause": "the id is not in the map of the user namespace",
        "remedy": "a line for the user in /etc/subuid and /etc/subgid, and newuidmap, newgidmap with their setuid bit",
        "link": "subuid(5), newuidmap(1)",
    },
    "LCM-US-05": {
        "symptom": "uid_map: Operation not permitted, but only sometimes; or, only sometimes, the program is nobody "
        "(65534) and has no capabilities",
        "cause": "a race: the parent wrote the maps before the child had unshared (then they are those of the old "
        "namespace, which has its maps), or the child executed its program before they were written (then execve took "
        "the capabilities away, for it gives them to user 0 only)",
        "remedy": "two pipes: the child says that it has unshared, and the parent reads that before it writes the "
        "maps; the parent says that they are written, and the child reads that before execve. A sleep is no order",
        "link": "user_namespaces(7)",
    },
    "LCM-US-06": {
        "symptom": "after unshare(CLONE_NEWUSER) the program itself is nobody, and a map of more than one id is "
        "refused: Operation not permitted",
        "cause": "unshare moves its caller. Who is inside has no rights in the parent namespace any more, and so may "
        "write one line for his own id only",
        "remedy": "fork first: the child unshares, and the parent, which stayed outside, writes /proc/CHILD/uid_map",
        "link": "user_namespaces(7), unshare(2)",
    },
}

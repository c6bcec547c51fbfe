"""The stumbling blocks of this section: where learners get stuck, as data.

What belongs here: id → (symptom, cause, remedy, where to read). What does not: printing them (``./course explain``).
"""

from __future__ import annotations

STUMBLING_BLOCKS: dict[str, dict[str, str]] = {
    "LCM-FS-01": {
        "symptom": "pivot_root: Invalid argument (EINVAL)",
        "cause": "one of eight: the new root is no mount point; it or its parent is shared; the folder for the old "
        "root is shared, or not below it; the current root is no mount (after chroot), or is the initial ramfs; the "
        "new root is a mount of another mount namespace; a user namespace has locked it",
        "remedy": "mount --make-rprivate / and mount --bind NEW NEW first; the error names which one it was",
        "link": "pivot_root(2)",
    },
    "LCM-FS-02": {
        "symptom": "pivot_root: Device or resource busy (EBUSY)",
        "cause": "the new root, or the folder for the old one, is on the current root mount",
        "remedy": "mount --bind NEW NEW, and pivot there",
        "link": "pivot_root(2)",
    },
    "LCM-FS-03": {
        "symptom": "execve: No such file or directory, though the file is there; or: Exec format error",
        "cause": "what is missing is the program's interpreter (ELF PT_INTERP, or the one after #!) inside the root; a "
        "library is missed later, by that interpreter. ENOEXEC: a program for another architecture, or no program",
        "remedy": "readelf -l FILE | grep interpreter, and put that and the libraries into the root (jailman create "
        "NAME --with FILE does), or use a static program",
        "link": "execve(2)",
    },
    "LCM-NS-05": {
        "symptom": "mount proc: Operation not permitted; the kernel log says 'VFS: Mount too revealing'",
        "cause": "in a user namespace proc may be mounted only where a fully visible proc is already; inside Docker "
        "parts of it are masked. sysfs needs a network namespace of one's own",
        "remedy": "bind the visible /proc instead, or run the outer container with systempaths=unconfined",
        "link": "mount_namespaces(7)",
        "verified": "not verified here: the test comes with section 4's exercises",
    },
    "LCM-IM-01": {
        "symptom": "mount overlay: wrong fs type, bad option; or: not supported as upperdir",
        "cause": "upper and work must be on one real file system, which is no overlay itself (it is, inside Docker); "
        "overlays stack two deep; in a user namespace the option userxattr is needed",
        "remedy": "put upper and work on a tmpfs or a volume; add userxattr in a user namespace",
        "link": "Documentation/filesystems/overlayfs.rst",
    },
}

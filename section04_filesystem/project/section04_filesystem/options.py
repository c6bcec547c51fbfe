"""The option words of mount(8) and of the OCI runtime spec ("Linux mount options"), as numbers for the kernel.

What belongs here: the table and the parser; pure. What does not: mounting.
"""

from __future__ import annotations

from .core import flags as k

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# word: (attributes to set, attributes to clear). With an r before it (rro, rnosuid …): for all mounts below as well.
_ATTRIBUTES: dict[str, tuple[int, int]] = {
    "ro": (k.MOUNT_ATTR_RDONLY, 0),
    "rw": (0, k.MOUNT_ATTR_RDONLY),
    "nosuid": (k.MOUNT_ATTR_NOSUID, 0),
    "suid": (0, k.MOUNT_ATTR_NOSUID),
    "nodev": (k.MOUNT_ATTR_NODEV, 0),
    "dev": (0, k.MOUNT_ATTR_NODEV),
    "noexec": (k.MOUNT_ATTR_NOEXEC, 0),
    "exec": (0, k.MOUNT_ATTR_NOEXEC),
    "nosymfollow": (k.MOUNT_ATTR_NOSYMFOLLOW, 0),
    "symfollow": (0, k.MOUNT_ATTR_NOSYMFOLLOW),
    "nodiratime": (k.MOUNT_ATTR_NODIRATIME, 0),
    "diratime": (0, k.MOUNT_ATTR_NODIRATIME),
    "noatime": (k.MOUNT_ATTR_NOATIME, k.MOUNT_ATTR_ATIME),
    "strictatime": (k.MOUNT_ATTR_STRICTATIME, k.MOUNT_ATTR_ATIME),
    "relatime": (0, k.MOUNT_ATTR_ATIME),  # relatime is the zero of the field
    "atime": (0, k.MOUNT_ATTR_ATIME),
    "norelatime": (0, k.MOUNT_ATTR_ATIME),
    "nostrictatime": (0, k.MOUNT_ATTR_ATIME),
}
#: Properties of the file system, not of the mount.
_SUPERBLOCK = ("sync", "async", "dirsync", "mand", "nomand", "lazytime", "nolazytime")
#: Words without an effect on our way of mounting.
_IGNORED = ("defaults", "silent", "loud", "iversion", "noiversion", "nofail", "auto", "noauto", "user", "nouser")


class MountOptions:
    """The options of one mount, sorted.

    ``bind``: "" | "bind" | "rbind"; ``set``/``clear``: MOUNT_ATTR_* of this mount, ``all_set``/``all_clear``: of all
    below too; ``propagation``: a word or ""; ``superblock`` and ``data``: for the file system; ``copy_up``: tmpfs
    starts with what was at the target; ``remount``: change what is mounted there; ``idmap``: "" | "idmap" | "ridmap".
    """

    __slots__ = (
        "all_clear",
        "all_set",
        "bind",
        "clear",
        "copy_up",
        "data",
        "idmap",
        "propagation",
        "remount",
        "set",
        "superblock",
    )

    def __init__(self) -> None:
        self.bind = ""
        self.set = 0
        self.clear = 0
        self.all_set = 0
        self.all_clear = 0
        self.propagation = ""
        self.superblock: list[str] = []
        self.data: list[str] = []
        self.copy_up = False
        self.remount = False
        self.idmap = ""

    @classmethod
    def parse(cls, words: Iterable[str]) -> MountOptions:
        """Return the options that ``words`` say; the last of contradicting words wins."""
        options = cls()
        for word in words:
            options._take(word)
        return options

    def _take(self, word: str) -> None:
        if word in _ATTRIBUTES:
            on, off = _ATTRIBUTES[word]
            self.set, self.clear = (self.set & ~off) | on, (self.clear & ~on) | off
        elif word[:1] == "r" and word[1:] in _ATTRIBUTES:
            on, off = _ATTRIBUTES[word[1:]]
            self.all_set, self.all_clear = (self.all_set & ~off) | on, (self.all_clear & ~on) | off
        elif word in ("bind", "rbind"):
            self.bind = word
        elif word in k.PROPAGATION:
            self.propagation = word
        elif word in _SUPERBLOCK:
            self.superblock.append(word)
        elif word == "tmpcopyup":
            self.copy_up = True
        elif word == "remount":
            self.remount = True
        elif word in ("idmap", "ridmap"):
            self.idmap = word
        elif word not in _IGNORED and not word.startswith(("x-", "comment=")):
            self.data.append(word)

    def attributes(self) -> int:
        """Return what a new file system's mount gets from the start."""
        return self.set | self.all_set

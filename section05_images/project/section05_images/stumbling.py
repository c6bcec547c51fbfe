"""The stumbling blocks of this section: where learners get stuck, as data.

What belongs here: id → (symptom, cause, remedy, where to read). What does not: printing them (``./course explain``).
"""

from __future__ import annotations

STUMBLING_BLOCKS: dict[str, dict[str, str]] = {
    "LCM-IM-02": {
        "symptom": "deleted files come back; or files named .wh.something are seen in the container",
        "cause": "a layer's tar says 'gone' by an empty file .wh.NAME, overlay by a character device 0:0; a hidden "
        "folder by .wh..wh..opq and by the attribute trusted.overlay.opaque (user.overlay.opaque in a user "
        "namespace). tar -x alone does not translate; a bare .wh. is an attack",
        "remedy": "unpack layers with imgman load (for overlay) or imgman unpack (into a plain folder), never with tar",
        "link": "OCI image specification, layer, Whiteouts",
        "verified": "not verified here: the test comes with section 5's exercises",
    },
    "LCM-IM-03": {
        "symptom": "an archive writes outside the folder it is unpacked into, or tar refuses harmless layers",
        "cause": "a name with '..', an absolute name, a link as a parent, a hard link: checked as text, one of them "
        "slips through; tarfile's filter 'data' drops setuid and devices that a root file system needs, and 'tar' does "
        "not bound where links lead",
        "remedy": "open every parent inside the root with openat2 RESOLVE_IN_ROOT and create relative to it, as "
        "core/unpack.py does; a layer that climbs with '..' is broken or hostile: get it from somewhere else",
        "link": "openat2(2)",
        "verified": "not verified here: the test comes with section 5's exercises",
    },
}

"""Section 3's system call: bpf(2), for the device rules of version 2.

What belongs here: loading, attaching, finding and detaching one kind of program. What does not: the program itself.
"""

from __future__ import annotations

import ctypes
import os
from _struct import Struct

from section01_processes import syscall

# enum bpf_cmd, enum bpf_prog_type, enum bpf_attach_type; linux/bpf.h
BPF_PROG_LOAD = 5
BPF_PROG_ATTACH = 8
BPF_PROG_DETACH = 9
BPF_PROG_GET_FD_BY_ID = 13
BPF_PROG_QUERY = 16
BPF_PROG_TYPE_CGROUP_DEVICE = 15
BPF_CGROUP_DEVICE = 6
BPF_F_ALLOW_MULTI = 2

# The parts of union bpf_attr. LOAD: prog_type, insn_cnt, insns, license, log_level, log_size, log_buf, kern_version,
# prog_flags, prog_name[16]. ATTACH, DETACH: target_fd, attach_bpf_fd, attach_type, attach_flags. QUERY: target_fd,
# attach_type, query_flags, attach_flags, prog_ids, prog_cnt. GET_FD_BY_ID: prog_id, next_id, open_flags.
_LOAD = Struct("=IIQQIIQII16s")
_ATTACH = Struct("=IIII")
_QUERY = Struct("=IIIIQII")
_BY_ID = Struct("=III")

_bpf = syscall("bpf", ctypes.c_int, ctypes.c_void_p, ctypes.c_uint)


def load_device_program(code: bytes) -> int:
    """Return a descriptor of the device program ``code`` (8 bytes per instruction), verified by the kernel."""
    instructions = ctypes.create_string_buffer(code, len(code))
    text = ctypes.create_string_buffer(b"MIT")
    addresses = ctypes.addressof(instructions), ctypes.addressof(text)
    attr = _LOAD.pack(BPF_PROG_TYPE_CGROUP_DEVICE, len(code) // 8, *addresses, 0, 0, 0, 0, 0, b"lcm_devices")
    return _bpf(BPF_PROG_LOAD, attr, len(attr))


def attach_device_program(folder_fd: int, program_fd: int) -> None:
    """Attach a loaded program to the cgroup open at ``folder_fd``; groups below may add theirs, not replace it."""
    attr = _ATTACH.pack(folder_fd, program_fd, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI)
    _bpf(BPF_PROG_ATTACH, attr, len(attr))


def device_programs(folder_fd: int) -> list[int]:
    """Return the ids of the device programs attached to the cgroup itself (up to 64)."""
    ids = (ctypes.c_uint32 * 64)()
    attr = ctypes.create_string_buffer(_QUERY.pack(folder_fd, BPF_CGROUP_DEVICE, 0, 0, ctypes.addressof(ids), 64, 0))
    _bpf(BPF_PROG_QUERY, attr, _QUERY.size)
    return list(ids[: _QUERY.unpack_from(attr)[5]])


def detach_device_program(folder_fd: int, program_id: int) -> None:
    """Detach the program with ``program_id`` from the cgroup."""
    attr = _BY_ID.pack(program_id, 0, 0)
    program_fd = _bpf(BPF_PROG_GET_FD_BY_ID, attr, len(attr))
    try:
        attr = _ATTACH.pack(folder_fd, program_fd, BPF_CGROUP_DEVICE, 0)
        _bpf(BPF_PROG_DETACH, attr, len(attr))
    finally:
        os.close(program_fd)

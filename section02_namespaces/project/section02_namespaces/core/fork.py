"""A child that is our *sibling*: clone with CLONE_PARENT.

The container's init must be inside the pid namespace that the middle child made, so the middle child has to fork it;
yet the shim has to be its parent, to wait for it. CLONE_PARENT says: the new process's parent is my parent.
"""

from __future__ import annotations

from section01_processes import SyscallError
from section02_namespaces import _syscalls
from section02_namespaces.errors import explain_fork, refuse_threads

_CLONE_PARENT = 0x00008000
_SIGCHLD = 17  # the same on x86_64 and aarch64 (signal(7))


def fork_sibling() -> int:
    """Fork; the child is a child of *our parent*. Return 0 in the child, the child's pid in the caller.

    This is the raw system call, behind libc's and Python's back. Hazards, all harmless for a process with one thread
    that soon becomes another program, and for nothing else:

    - no ``os.register_at_fork`` hook and no ``pthread_atfork`` handler runs: a lock held by another thread would stay
      held for ever. So more than one thread is refused.
    - libc keeps the parent's thread id in its thread descriptor, and Python its native thread id: recursive libc
      mutexes still work (the "owner" is equal), robust and error-checking ones across processes would not.
    - buffers are copied: flush ``sys.stdout`` before, or it is printed twice (LCM-PROC-03).
    - the random module's state is copied; ``threading`` believes that it still is the old main thread, rightly.
    - the caller can neither wait for the child nor be told of its end; our parent can, and gets SIGCHLD.

    Raises NamespaceError with several threads; SyscallError: EINVAL for PID 1 of a pid namespace, which may not use
    CLONE_PARENT, ENOMEM when the pid namespace that children enter has lost its PID 1 (LCM-NS-02). clone(2).
    """
    refuse_threads("fork behind libc's back")
    try:
        return _syscalls.clone(_CLONE_PARENT | _SIGCHLD, 0, 0, 0, 0)
    except SyscallError as error:
        raise explain_fork(error) from None

"""A seccomp filter: a profile of one rule, compiled by section 7, loaded into a child.

Run: ./course run python section07_security/examples/02_a_filter_in_ten_lines.py
Needs: no root (with no_new_privs anybody may filter themselves).
You should see: the instructions, then `sethostname: errno 42`, the number that the profile chose.
"""

import os

from section01_processes import spawn
from section07_security import compile_seccomp, load_seccomp, set_no_new_privileges
from section07_security.simulate import disassemble

profile = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42}],
}
program = compile_seccomp(profile)
print("\n".join(disassemble(program)))


def filtered() -> int:
    set_no_new_privileges()
    load_seccomp(program)
    try:
        import socket

        socket.sethostname("never")
        print("sethostname: allowed?", flush=True)
    except OSError as error:
        print(f"sethostname: errno {error.errno}", flush=True)
    print(f"getpid still works: {os.getpid() > 0}", flush=True)
    return 0


spawn(filtered).wait()

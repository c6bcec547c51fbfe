"""Docker's default profile: what it comes to with and without a capability, tried call by call without a kernel.

Run: ./course run python section07_security/examples/03_what_docker_refuses.py
Needs: nothing, no root.
You should see: `mount` refused by default and allowed with CAP_SYS_ADMIN; clone3 "not implemented" (ENOSYS) on purpose.
"""

import os

from section07_security import DOCKER_DEFAULT, SeccompProfile, compile_seccomp, docker_seccomp_profile
from section07_security.simulate import MODES, answer_text, call_number, simulate

machine = os.uname().machine
profile = SeccompProfile.parse(docker_seccomp_profile())
default = compile_seccomp(profile.resolve(DOCKER_DEFAULT))
admin = compile_seccomp(profile.resolve((*DOCKER_DEFAULT, "CAP_SYS_ADMIN")))
print(f"{len(default) // 8} instructions\n{'call':28} {'default':20} with CAP_SYS_ADMIN")

CALLS = (
    ("read", ()),
    ("mount", ()),
    ("clone3", ()),  # its flags are behind a pointer, which no filter can follow: so glibc shall fall back to clone
    ("clone", (0x10000000,)),  # CLONE_NEWUSER
    ("clone", (0x11,)),  # SIGCHLD: a plain fork
    ("personality", (0x0040000,)),  # ADDR_NO_RANDOMIZE
    ("socket", (40,)),  # AF_VSOCK
    ("keyctl", ()),
)
for name, args in CALLS:
    number = call_number(name, machine)
    answers = [answer_text(simulate(program, number, MODES[machine][0], args)[0]) for program in (default, admin)]
    shown = f"{name}({', '.join(map(hex, args))})"
    print(f"{shown:28} {answers[0]:20} {answers[1]}")

"""A newcomer's machine: Debian, an ordinary user with sudo, a fresh clone, no network, thrown away at its end.

    python3 tests/newcomer/machine.py build [--without-sudo]   make or renew the Debian root and the clone in it
    python3 tests/newcomer/machine.py start                    boot it (QEMU, Debian's own kernel, cgroup v2)
    python3 tests/newcomer/machine.py run 'COMMAND' [SECONDS]  run it as ``learner``; print what the terminal showed
    python3 tests/newcomer/machine.py stop

Needs root, debootstrap, and the guest that ``./course test`` prepares. Commands keep their folder: ``cd lcm`` lasts.
What ran inside is in ``.course/newcomer/share-NAME``: ``N.json``, ``N.out``, ``N.rc``. A machine that runs holds two
locks until its end: its name's, and a share of its root's, which ``build`` needs for itself.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

CLONE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = f"{CLONE}/.course/newcomer"
#: Several machines may run side by side, each with a name of its own: ``NEWCOMER=ann machine.py start``. They share
#: the root, with the commit that it was built from, unless ``NEWCOMER_ROOT=NAME`` asks for another.
NAME, ROOT = os.environ.get("NEWCOMER", "one"), f"{PLACE}/{os.environ.get('NEWCOMER_ROOT', 'root')}"
SHARE = f"{PLACE}/share-{NAME}"
HOME = f"{ROOT}/home/learner"
PACKAGES = (
    "sudo,python3,python3-venv,busybox-static,nftables,uidmap,iproute2,procps,psmisc,less,git,tmux,nano,"
    "ca-certificates,iputils-ping,strace,man-db,curl,kmod,bash-completion"
)
#: Run in a private mount namespace: the root gets what pip needs, a user, a clone of HEAD, and a prepared environment.
PREPARE = r"""
mount --make-rprivate /
for d in /opt/*; do [ -d "$d" ] && mkdir -p "$ROOT$d" && mount --rbind "$d" "$ROOT$d"; done
mount -t proc proc "$ROOT/proc"; mount --rbind /dev "$ROOT/dev"
cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
if [ -e /etc/pip.conf ]; then cp /etc/pip.conf "$ROOT/etc/pip.conf"; fi
cp /etc/ssl/certs/ca-certificates.crt "$ROOT/etc/ssl/certs/ca-certificates.crt"
printf '127.0.0.1 localhost newcomer\n' > "$ROOT/etc/hosts"; echo newcomer > "$ROOT/etc/hostname"
chroot "$ROOT" sh -c 'id learner >/dev/null 2>&1 || useradd -m -s /bin/bash learner'
rm -f "$ROOT/etc/sudoers.d/learner"
if [ "$SUDO" = yes ]; then
    echo 'learner ALL=(ALL) NOPASSWD: ALL' > "$ROOT/etc/sudoers.d/learner"; chmod 440 "$ROOT/etc/sudoers.d/learner"
fi
rm -rf "$ROOT/home/learner/lcm"; git clone -q --no-hardlinks "$CLONE" "$ROOT/home/learner/lcm"
chroot "$ROOT" chown -R learner: /home/learner/lcm
chroot "$ROOT" su learner -c 'cd ~/lcm && ./course run procman --help >/dev/null'
rm -f "$ROOT/etc/pip.conf" "$ROOT/etc/resolv.conf"
"""


def lock(name: str, kind: int) -> int:
    """Take the lock ``name`` (``kind``: LOCK_EX, LOCK_SH); say when that takes a while. It ends with its descriptor."""
    os.makedirs(PLACE, exist_ok=True)
    fd = os.open(f"{PLACE}/{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"another machine or build holds {name}; waiting for its end", file=sys.stderr, flush=True)
        fcntl.flock(fd, kind)
    return fd


def build(*, sudo: bool = True) -> None:
    """Make the Debian root if there is none, and a fresh clone of HEAD with its environment in it."""
    held = lock(os.path.basename(ROOT), fcntl.LOCK_EX)
    complete = f"{PLACE}/complete" if os.path.basename(ROOT) == "root" else f"{ROOT}.complete"
    if not os.path.exists(complete):
        shutil.rmtree(ROOT, ignore_errors=True)
        if os.path.exists(f"{PLACE}/complete"):
            subprocess.run(["cp", "-a", "--reflink=auto", f"{PLACE}/root", ROOT], check=True)
        else:
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", ROOT],
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        open(complete, "w").close()
    environment = dict(os.environ, ROOT=ROOT, CLONE=CLONE, SUDO="yes" if sudo else "no")
    subprocess.run(["unshare", "-m", "sh", "-ec", PREPARE], check=True, env=environment)
    os.close(held)


def start(*, seconds: float = 120) -> None:
    """Boot the machine in the background and wait until it takes commands. Raises RuntimeError."""
    tools = os.path.join(os.path.dirname(CLONE), "shared", "guest")
    held = lock(f"machine-{NAME}", fcntl.LOCK_EX), lock(os.path.basename(ROOT), fcntl.LOCK_SH)
    shutil.rmtree(SHARE, ignore_errors=True)
    os.makedirs(SHARE)
    environment = dict(os.environ, VM_DIR=f"{CLONE}/.course/guest", VM_SHARE=SHARE, VM_MEM="3G", VM_TIMEOUT="7200")
    inside = ["/usr/bin/python3", os.path.join(os.path.dirname(os.path.abspath(__file__)), "serve.py"), SHARE, ROOT]
    with open(f"{SHARE}/console.log", "wb") as log:
        machine = subprocess.Popen(
            [sys.executable, f"{tools}/run-in-vm", *inside], pass_fds=held,
            cwd=CLONE, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    for fd in held:
        os.close(fd)
    end = time.monotonic() + seconds
    while not os.path.exists(f"{SHARE}/ready"):
        if machine.poll() is not None or time.monotonic() > end:
            with open(f"{SHARE}/console.log", errors="replace") as log:
                raise RuntimeError(f"the machine did not start: {log.read()[-2000:]}")
        time.sleep(0.1)


def run(command: str, *, user: str = "learner", seconds: float = 600) -> tuple[str, int]:
    """Run ``command`` in the started machine; return what the terminal showed and its exit status (124: too long)."""
    number = 1 + sum(name.endswith(".json") for name in os.listdir(SHARE))
    with open(f"{SHARE}/task", "w") as file:
        json.dump({"user": user, "command": command, "seconds": seconds}, file)
    os.rename(f"{SHARE}/task", f"{SHARE}/{number}.json")
    end = time.monotonic() + seconds + 60
    while not os.path.exists(f"{SHARE}/{number}.rc"):
        if time.monotonic() > end:
            raise RuntimeError(f"the machine does not answer: {command}")
        time.sleep(0.1)
    with open(f"{SHARE}/{number}.out", encoding="utf-8", errors="replace", newline="") as out:
        shown = out.read().replace("\r\n", "\n")
    with open(f"{SHARE}/{number}.rc") as status:
        return shown, int(status.read())


def stop() -> None:
    """End the machine; everything that it wrote is gone."""
    if os.path.isdir(SHARE):
        open(f"{SHARE}/stop", "w").close()
        time.sleep(1)


def main(words: list[str]) -> int:
    """Do what the command line says."""
    if words[:1] == ["build"]:
        build(sudo="--without-sudo" not in words)
    elif words[:1] == ["start"]:
        start()
    elif words[:1] == ["run"] and len(words) in (2, 3):
        shown, code = run(words[1], seconds=float(words[2]) if len(words) == 3 else 600)
        sys.stdout.write(shown)
        sys.stdout.write(f"[exit status {code}]\n" if code else "")
        return code if code >= 0 else 128 - code
    elif words[:1] == ["stop"]:
        stop()
    else:
        sys.stderr.write(__doc__ or "")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

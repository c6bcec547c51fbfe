"""Inside the throw-away guest: change into the newcomer's Debian root, then run the commands that the host hands over.

    python3 serve.py SHARE ROOT

SHARE is a folder of the host: ``N.json`` (``user``, ``command``, ``seconds``) becomes ``N.out`` (what the terminal
showed) and ``N.rc``. Each command runs on a terminal of its own (80 × 24), as that user would type it, in the
folder where the last one ended. ROOT is the Debian root that ``machine.py`` has built; what the
guest writes is thrown away.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

NEW, OLD = "/scratch/newcomer", "/scratch/newcomer/mnt"


def sh(command: str) -> None:
    """Run a command of the guest's set-up."""
    subprocess.run(["sh", "-ec", command], check=True)


def change_root(root: str, share: str) -> None:
    """Make ROOT, under an overlay, the root of this guest (pivot_root: a chroot could make no user namespace)."""
    sh(f"""
        mkdir -p {NEW} /scratch/upper /scratch/work /scratch/state /scratch/home-state
        mount -t overlay overlay -o lowerdir={root},upperdir=/scratch/upper,workdir=/scratch/work {NEW}
        mkdir -p {NEW}/share {NEW}/var/lib/minidocker {NEW}/scratch
        mount --bind {share} {NEW}/share
        mount --bind /scratch/state {NEW}/var/lib/minidocker
        for d in proc sys dev; do mount --rbind /$d {NEW}/$d; done
        mount -t tmpfs -o mode=755,nosuid,nodev tmpfs {NEW}/run
        mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs {NEW}/tmp
        ln -sf /proc/mounts {NEW}/etc/mtab
        if [ -d /lib/modules ]; then
            mkdir -p {NEW}/lib/modules && mount --rbind /lib/modules {NEW}/lib/modules
            chroot {NEW} depmod -a
        fi
        mount --make-rprivate /
        cd {NEW} && pivot_root . mnt
    """)
    # pivot_root has moved our root too: it moves every process whose root was the old one
    os.chdir("/")
    sh("umount -l /mnt; mount --make-rshared /; hostname newcomer; ip link set lo up")


def run(task: dict[str, object]) -> tuple[bytes, int]:
    """Run one command on a terminal; return what it showed, and its exit status (124: the time was over)."""
    user, folder = str(task["user"]), "/share/cwd"
    where = open(folder).read().strip() if os.path.exists(folder) else f"~{user}"
    inner = f"cd {where}; {task['command']}\nrc=$?; pwd > /share/cwd 2>/dev/null; exit $rc"
    pid, master = pty.fork()
    if pid == 0:
        # not su: it leaves SIGINT and SIGQUIT ignored
        home = "/root" if user == "root" else f"/home/{user}"
        words = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--reset-env", "bash", "-lc", inner]
        os.execvpe(words[0], words, {"PATH": os.environ["PATH"], "TERM": "xterm", "HOME": home})
    shown, end = b"", time.monotonic() + float(str(task.get("seconds", 600)))
    while True:
        ready = select.select([master], [], [], max(0, end - time.monotonic()))[0]
        if not ready:
            os.kill(pid, signal.SIGHUP)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return shown, 124
        try:
            data = os.read(master, 65536)
        except OSError:
            data = b""
        if not data:
            break
        shown = (shown + data)[-1_000_000:]
    os.close(master)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    """Serve until ``stop`` appears in the shared folder."""
    share, root = sys.argv[1:]
    change_root(root, share)
    os.chmod("/share", 0o777)
    with open("/share/cwd", "w") as file:
        file.write("~learner")
    os.chmod("/share/cwd", 0o666)
    open("/share/ready", "w").close()
    number = 1
    while not os.path.exists("/share/stop"):
        with contextlib.suppress(FileNotFoundError, ValueError):
            with open(f"/share/{number}.json") as file:
                shown, code = run(json.load(file))
            with open(f"/share/{number}.out", "wb") as out:
                out.write(shown)
            with open(f"/share/{number}.tmp", "w") as status:
                status.write(str(code))
            os.rename(f"/share/{number}.tmp", f"/share/{number}.rc")
            number += 1
            continue
        time.sleep(0.05)


if __name__ == "__main__":
    main()

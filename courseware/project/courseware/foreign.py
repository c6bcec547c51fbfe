"""A user land of another architecture: Debian's packages, fetched and unpacked, for unit tests under qemu-user(1).

What belongs here: fetching, unpacking, and the command and environment that run its Python. What does not: which tests
run there (``tests/live/test_aarch64.py``), and what they need of it (``emulated.py``).

Nothing of it is installed, and this machine's dpkg learns of no other architecture. apt works in a private root: own
lists and an empty status file, so that it resolves all that Python needs; sources and keys are this machine's own. The
packages are unpacked by dpkg-deb(1); none of their scripts runs. What exists as compiled wheels only comes by pip, in
the versions and with the digests of the requirements' lock files. See apt.conf(5), "Dir", and pip-install(1).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

from section01_processes import LcmError

#: The user land is made anew when this number, Python's version here, or the locked wheels change.
RECIPE = 1
PACKAGES = ("python3",)
WHEELS = ("hypothesis", "psutil")
DEBIAN, MACHINE, EMULATOR = "arm64", "aarch64", "qemu-aarch64-static"
PLATFORMS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")

# "#clear": what this machine's own configuration would run after an update, or fetch besides the packages' index.
_APT = """\
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
#clear Acquire::IndexTargets;
APT::Architecture "{debian}";
APT::Architectures {{ "{debian}"; }};
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::IndexTargets::deb::Packages {{
  MetaKey "$(COMPONENT)/binary-$(ARCHITECTURE)/Packages"; flatMetaKey "Packages"; ShortDescription "Packages";
  Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Packages"; flatDescription "$(RELEASE) Packages"; Optional "0";
}};
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
"""


class ForeignError(LcmError):
    """The user land cannot be made (exit code 125)."""


class NoSuchPackages(ForeignError):
    """This machine's package sources offer nothing for that architecture: nothing failed, there is none."""


class UserLand:
    """A user land in ``folder``, an absolute path; ``clone`` is the project's folder."""

    def __init__(self, folder: pathlib.Path, clone: pathlib.Path) -> None:
        self.folder, self.clone = folder, clone

    @property
    def python(self) -> str:
        """The program that is its interpreter to all who execute it: a script that starts the emulator."""
        return str(self.folder / "usr" / "bin" / "python-emulated")

    def environment(self) -> dict[str, str]:
        """Return the environment for it: our packages, the wheels, then what is pure Python in our own environment.

        ``CI`` is left out: there nothing may be skipped, and what needs a kernel of its own is, under an emulator.
        """
        projects = sorted(str(p) for p in self.clone.glob("*/project"))
        ours = next((self.clone / ".venv" / "lib").glob("python3*/site-packages"))
        environment = {name: value for name, value in os.environ.items() if name not in ("CI", "IN_VM", "PYTHONHOME")}
        return environment | {
            "PYTHONPATH": os.pathsep.join([str(self.folder / "wheels"), *projects, str(ours)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }


def user_land(clone: pathlib.Path) -> UserLand:
    """Return the user land kept in ``clone``/.course; make it when there is none of this key.

    Raises NoSuchPackages when this machine's sources do not have the architecture, ForeignError when it cannot be made
    (no network, no room).
    """
    cache = clone / ".course"
    cache.mkdir(exist_ok=True)
    lines = [line for name in WHEELS for line in locked(clone, name)]
    land = UserLand(cache / MACHINE, clone)
    stamp, key = land.folder / "stamp", key_of(lines)
    with open(cache / f"{MACHINE}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != key:
            new = cache / f"{MACHINE}.new"
            shutil.rmtree(new, ignore_errors=True)
            make(new, land, lines)
            (new / "stamp").write_text(key)
            shutil.rmtree(land.folder, ignore_errors=True)
            new.rename(land.folder)
    return land


def key_of(lines: list[str]) -> str:
    """Return what the user land depends on, as one word."""
    facts = "\n".join([str(RECIPE), sys.version, *PACKAGES, *lines])
    return hashlib.sha256(facts.encode()).hexdigest()


def locked(clone: pathlib.Path, name: str) -> list[str]:
    """Return the lines of the lock files that pin ``name`` with its digests. Raises ForeignError without any."""
    for lock in ("requirements.lock", "requirements-dev.lock"):
        lines = (clone / lock).read_text().splitlines()
        for number, line in enumerate(lines):
            if line.startswith(f"{name}=="):
                end = next((n for n in range(number + 1, len(lines)) if not lines[n].startswith(" ")), len(lines))
                return [text for text in lines[number:end] if not text.lstrip().startswith("#")]
    raise ForeignError(f"no lock file pins {name}")


def make(new: pathlib.Path, land: UserLand, lines: list[str]) -> None:
    """Make the user land in folder ``new``, to be moved to ``land.folder``."""
    apt = new / "apt"
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "conf").write_text(_APT.format(debian=DEBIAN, folder=apt))
    fetch_packages(apt)
    for package in sorted((apt / "cache" / "archives").glob("*.deb")):
        call("dpkg-deb", "--extract", str(package), str(new))
    shutil.rmtree(apt)
    if not (new / "lib").exists():  # newer releases have all in /usr, and this link in a package that is not asked for
        (new / "lib").symlink_to("usr/lib")
    interpreter = os.readlink(new / "usr" / "bin" / "python3")  # python3.11
    fetch_wheels(new, interpreter.removeprefix("python"), lines)
    final = land.folder
    script = f'#!/bin/sh\nexec {EMULATOR} -L {final} -0 {land.python} {final}/usr/bin/{interpreter} "$@"\n'
    wrapper = new / "usr" / "bin" / pathlib.Path(land.python).name
    wrapper.write_text(script)
    wrapper.chmod(0o755)
    if interpreter == f"python3.{sys.version_info.minor}":  # the same byte code, made without the emulator
        command = ("-I", "-m", "compileall", "-q", "-s", str(new), "-p", str(final), str(new / "usr/lib" / interpreter))
        call(sys.executable, *command)


def fetch_packages(apt: pathlib.Path) -> None:
    """Fetch PACKAGES and all that they need into the private root ``apt``."""
    update = call("apt-get", "-c", f"{apt}/conf", "-q", "update", check=False)  # one source of several may be down
    words = ("-q", "-y", "--no-install-recommends", "--download-only", "install", *PACKAGES)
    done = call("apt-get", "-c", f"{apt}/conf", *words, check=False)
    if done.returncode:
        said = [line for line in update.stdout.splitlines() if line.startswith(("E:", "W:", "Err:"))]
        if not said and "E: Unable to locate package" in done.stdout:
            raise NoSuchPackages(f"this machine's package sources have nothing for {DEBIAN}")
        said += [line for line in done.stdout.splitlines() if line.startswith("E:")]
        hint = "is the network there? nothing is kept of it; the same command tries again"
        raise ForeignError(f"the packages of {DEBIAN} cannot be fetched: {' / '.join(said[-6:])}", hint=hint)


def fetch_wheels(new: pathlib.Path, version: str, lines: list[str]) -> None:
    """Fetch the wheels that ``lines`` pin, for Python ``version`` ("3.11") of the other architecture."""
    wanted = new / "wheels.txt"
    wanted.write_text("\n".join(lines) + "\n")
    platforms = [word for name in PLATFORMS for word in ("--platform", f"{name}_{MACHINE}")]
    call(sys.executable, "-I", "-m", "pip", "install", "-q", "--no-cache-dir", "--disable-pip-version-check",
         "--no-input", "--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version", version, *platforms,
         "--target", str(new / "wheels"), "-r", str(wanted))  # fmt: skip


def call(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program; return its output, both streams together. Raises ForeignError with its last lines."""
    environment = dict(os.environ, LC_ALL="C")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          text=True, errors="replace", env=environment, check=False)  # fmt: skip
    if check and done.returncode:
        said = " / ".join(done.stdout.strip().splitlines()[-4:])
        name = " ".join(os.path.basename(word) for word in command[:4])
        hint = "is the network there, and room on the disk?"
        raise ForeignError(f"{name} … failed with {done.returncode}: {said}", hint=hint)
    return done

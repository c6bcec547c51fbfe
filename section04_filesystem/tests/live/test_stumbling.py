"""The stumbling blocks of mounts: each test makes the learner's mistake, sees it, applies the remedy, and succeeds.

With the system's own programs (mount(8), pivot_root(8)), as a learner would type it, in a mount namespace of its own.
"""

import subprocess

import pytest

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "program:unshare", "program:pivot_root")]


def shell(script, folder):
    """Run ``script`` in a new mount namespace whose mounts are shared, as systemd makes them; NEW is ``folder``."""
    text = f"set -e; mount --make-rshared /; NEW={folder}; cd /; {script}"
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", text]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def new(tmp_path):
    (tmp_path / "new" / "old").mkdir(parents=True)
    return tmp_path / "new"


#: What a learner has at that point: a folder on another file system than the root.
OTHER_DISK = 'mount -t tmpfs tmpfs "$NEW"; mkdir -p "$NEW/new/old"; NEW="$NEW/new"; '
REMEDY = "mount --make-rprivate /; mount --bind $NEW $NEW; "


@pytest.mark.remedy("LCM-FS-01")
def test_fs_01_private_mounts_and_a_bind_of_the_new_root(new):
    mistake = shell(OTHER_DISK + 'pivot_root "$NEW" "$NEW/old"', new)
    assert mistake.returncode != 0
    assert "Invalid argument" in mistake.stderr
    half = shell(OTHER_DISK + 'mount --bind $NEW $NEW; pivot_root "$NEW" "$NEW/old"', new)
    assert "Invalid argument" in half.stderr  # the bind alone: its parent is still shared
    right = shell(
        OTHER_DISK + REMEDY + 'pivot_root "$NEW" "$NEW/old"; /old/bin/sh -c "echo pivoted" || echo pivoted', new
    )
    assert (right.returncode, right.stdout.strip()) == (0, "pivoted")


@pytest.mark.remedy("LCM-FS-02")
def test_fs_02_a_bind_of_the_new_root_and_a_pivot_there(new):
    mistake = shell('mount --make-rprivate /; pivot_root "$NEW" "$NEW/old"', new)
    on_root = "resource busy" in mistake.stderr
    assert on_root or "Invalid argument" in mistake.stderr  # the clone may lie on a disk of its own: LCM-FS-01 then
    busy = shell("mount --make-rprivate /; pivot_root / /", new)
    assert "resource busy" in busy.stderr
    right = shell("mount --make-rprivate /; mount --bind $NEW $NEW; cd $NEW; pivot_root . old; echo pivoted", new)
    assert (right.returncode, right.stdout.strip()) == (0, "pivoted")


#: An overlay as the place to work in, as the root of a Docker container is one.
IN_DOCKER = (
    'mount --make-rprivate /; mount -t tmpfs t "$NEW"; cd "$NEW"; mkdir lower upper work docker; '
    "mount -t overlay o -o lowerdir=lower,upperdir=upper,workdir=work docker; cd docker; mkdir low up wk merged; "
)


@pytest.mark.needs("overlay")
@pytest.mark.remedy("LCM-IM-01")
def test_im_01_upper_and_work_on_a_tmpfs(new):
    mistake = shell(IN_DOCKER + "mount -t overlay o -o lowerdir=low,upperdir=up,workdir=wk merged", new)
    assert mistake.returncode != 0
    assert "wrong fs type, bad option" in mistake.stderr
    remedy = "mount -t tmpfs t up; mkdir up/up up/wk; "
    overlay = "mount -t overlay o -o lowerdir=low,upperdir=up/up,workdir=up/wk merged; "
    right = shell(f"{IN_DOCKER}{remedy}{overlay}echo hello > merged/file; cat up/up/file", new)
    assert (right.returncode, right.stdout.strip()) == (0, "hello")


@pytest.mark.needs("overlay", "userns")
@pytest.mark.remedy("LCM-IM-01")
def test_im_01_userxattr_in_a_user_namespace(new):
    """Without it the marks go to trusted.overlay, which root of a user namespace may not write: changes fail later."""

    def change(option):
        script = (
            'set -e; mount -t tmpfs t "$0"; cd "$0"; mkdir -p low/d up wk merged; echo x > low/d/file; '
            f"mount -t overlay o -o lowerdir=low,upperdir=up,workdir=wk{option} merged; "
            "rm -r merged/d; mkdir merged/d; ls merged/d; echo changed"
        )
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(new)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    mistake = change("")
    assert mistake.returncode != 0
    assert "changed" not in mistake.stdout
    right = change(",userxattr")
    assert (right.returncode, right.stdout) == (0, "changed\n")

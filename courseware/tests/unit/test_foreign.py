"""The other architecture's user land: what pins it, and what is said when it cannot be had. No network."""

import pathlib

import pytest

from courseware import foreign, needs

CLONE = pathlib.Path(__file__).parents[3]
pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("program:apt-get", "program:dpkg-deb")]


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Return a function that gives apt another list of sources than this machine's."""
    (tmp_path / "parts").mkdir()

    def use(text):
        (tmp_path / "sources.list").write_text(text)
        conf = f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "{tmp_path}/parts";\n'
        (tmp_path / "conf").write_text(conf)
        monkeypatch.setenv("APT_CONFIG", str(tmp_path / "conf"))

    return use


@pytest.fixture
def clone(tmp_path):
    """Return the folder of a clone that has the lock files and nothing else."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("requirements.lock", "requirements-dev.lock"):
        (folder / name).write_text((CLONE / name).read_text())
    return folder


@pytest.mark.parametrize("name", foreign.WHEELS)
def test_a_wheel_is_pinned_with_its_digests(name):
    first, *rest = foreign.locked(CLONE, name)
    assert first.startswith(f"{name}==")
    assert rest
    assert all("--hash=sha256:" in line for line in rest)


def test_what_no_lock_pins_is_refused():
    with pytest.raises(foreign.ForeignError, match="no lock file pins nosuch"):
        foreign.locked(CLONE, "nosuch")


def test_sources_without_the_architecture_are_no_failure(clone, sources):
    sources("")
    with pytest.raises(foreign.NoSuchPackages, match="sources have nothing for arm64"):
        foreign.user_land(clone)


def test_without_a_network_it_says_so_and_leaves_nothing_that_looks_whole(clone, sources):
    sources("deb [trusted=yes] http://127.0.0.1:9/debian stable main\n")  # the discard port: nobody listens
    with pytest.raises(foreign.ForeignError, match=r"cannot be fetched: .*is the network there") as caught:
        foreign.user_land(clone)
    assert not isinstance(caught.value, foreign.NoSuchPackages)
    assert not (clone / ".course" / foreign.MACHINE).exists()


def test_one_of_the_same_key_is_used_as_it_is(clone, sources):
    sources("")
    folder = clone / ".course" / foreign.MACHINE
    folder.mkdir(parents=True)
    (folder / "stamp").write_text(foreign.key_of([line for n in foreign.WHEELS for line in foreign.locked(clone, n)]))
    land = foreign.user_land(clone)
    assert land.python == f"{folder}/usr/bin/python-emulated"


def test_a_kernel_of_ones_own_is_known():
    assert needs.missing("kernel") == ""

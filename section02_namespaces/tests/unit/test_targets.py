"""Text → process: numbers, self, namespace files, and engines that register themselves."""

import os
import sys
import types

import pytest

from section02_namespaces import NamespaceError, resolve_target, targets

pytestmark = pytest.mark.lane("host", full="guest")


class Entry:
    """An entry point of an engine whose module is ``module``."""

    name = "toy"

    def __init__(self, module):
        self.module = module

    def load(self):
        return self.module.find


@pytest.fixture
def toy(monkeypatch):
    """Register an engine that knows one container, ``web``, which is this process."""
    module = types.ModuleType("toy_engine")
    source = f"def find(name): return {os.getpid()} if name == 'web' else None\n"
    exec(source + f"def container_names(): return {{{os.getpid()}: 'web'}}\n", module.__dict__)
    module.find.__module__ = "toy_engine"
    monkeypatch.setitem(sys.modules, "toy_engine", module)
    monkeypatch.setattr(targets, "engines", lambda: iter([Entry(module)]))


def test_a_number_and_self_ask_no_engine(monkeypatch):
    monkeypatch.setattr(targets, "engines", lambda: pytest.fail("asked"))
    assert resolve_target(str(os.getpid())) == resolve_target("self") == os.getpid()


@pytest.mark.needs("kernel")
def test_a_namespace_file_is_about_its_process():
    assert resolve_target(f"/proc/{os.getpid()}/ns/uts") == os.getpid()
    assert resolve_target("/proc/self/ns/uts") == os.getpid()


@pytest.mark.needs("kernel")
def test_another_file_of_a_namespace_is_about_who_is_in_it(tmp_path):
    (tmp_path / "uts").symlink_to("/proc/self/ns/uts")
    pid = resolve_target(str(tmp_path / "uts"))
    assert os.stat(f"/proc/{pid}/ns/uts").st_ino == os.stat("/proc/self/ns/uts").st_ino


def test_a_name_is_an_engines_affair(toy):
    assert resolve_target("web") == os.getpid()
    assert targets.container_names() == {os.getpid(): "web"}
    with pytest.raises(NamespaceError, match=r"'db' is no process id.*asked for containers: toy"):
        resolve_target("db")


def test_the_engine_of_the_capstone_is_registered():
    assert "minidocker" in [entry.name for entry in targets.engines()]


@pytest.mark.parametrize("text", ["0", "000", "4194305", "99999999999999999999"])
def test_a_process_that_is_not_there(text):
    with pytest.raises(NamespaceError, match="no process"):
        resolve_target(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("/proc/self/status", "not a namespace file"),
        ("./nowhere", "No such file"),
        ("-1", "no process id"),
        ("", "no process id"),
        ("²", "no process id"),
    ],
)
def test_what_cannot_be_a_target(text, why):
    with pytest.raises(NamespaceError, match=why):
        resolve_target(text)


def test_an_engine_that_cannot_be_loaded_is_said(monkeypatch):
    class Broken:
        name = "broken"

        def load(self):
            raise ImportError("no module named x")

    monkeypatch.setattr(targets, "engines", lambda: iter([Broken()]))
    with pytest.raises(NamespaceError, match="cannot ask broken for a container: no module named x"):
        resolve_target("web")

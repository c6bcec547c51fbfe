"""MiniDocker's default against the escapes of section 4, and that the same test sees through weaker containers."""

from __future__ import annotations

import pytest

from minidocker.engine.isolation import DefaultContainer, methods
from section04_filesystem import isolation_matrix

pytestmark = [pytest.mark.lane("host"), pytest.mark.needs("root", "overlay")]


class Weakened(DefaultContainer):
    """A container with further options that still promises everything."""

    def __init__(self, *options):
        super().__init__()
        self.options = options

    def command(self, stage, argv, binds):
        """Return the run command with the options after its own, which they override."""
        words = super().command(stage, argv, binds)
        place = words.index("tiny")
        return [*words[:place], *self.options, *words[place:]]


def escaped(method):
    """Return the techniques that escape from a container, its controls being positive."""
    matrix = isolation_matrix([method])
    assert [cell.as_dict() for cell in matrix.broken()] == []
    assert matrix.exit_code() == bool(matrix.against_promise())
    return {cell.technique for cell in matrix.against_promise()}


def test_nothing_escapes_from_a_default_container_and_nothing_is_left(no_leaks):
    (default,) = methods()
    assert default.name == "minidocker"
    assert escaped(default) == set()


@pytest.mark.parametrize(
    ("options", "ways"),
    [
        (("--privileged",), {"mknod", "open-by-handle", "core-pattern"}),
        (("--cap-add", "DAC_READ_SEARCH"), {"open-by-handle"}),
        (("--network", "host"), {"abstract-socket", "passed-descriptor"}),
    ],
)
def test_what_weakens_a_container_is_seen(options, ways):
    assert ways <= escaped(Weakened(*options))

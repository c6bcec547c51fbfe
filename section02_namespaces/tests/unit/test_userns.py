"""What a process knows of its own user namespace."""

import os

import pytest

from section01_processes import set_dumpable
from section02_namespaces import (
    CLONE_NEWUSER,
    IdMap,
    inside_user_namespace,
    setgroups_denied,
    unshare,
    write_id_maps,
)

pytestmark = pytest.mark.lane("host", "guest")


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("         0          0 4294967295\n", False),
        ("         0       1000          1\n", True),
        ("0 0 1000\n1000 1000 4294966295\n", True),
        ("", True),  # nobody is mapped yet
    ],
)
def test_only_the_first_one_maps_everybody_to_himself(text, inside):
    assert inside_user_namespace(text) is inside


@pytest.mark.needs("kernel", "userns")
def test_a_new_one_is_seen_from_inside(in_child):
    def run():
        before = inside_user_namespace()
        unshare(CLONE_NEWUSER)
        return [before, inside_user_namespace(), setgroups_denied()]

    before, after, denied = in_child(run)
    assert (after, denied) == (True, False)
    assert before is inside_user_namespace()


@pytest.mark.needs("kernel", "userns", "root")
def test_an_ordinary_user_gives_setgroups_up_to_map_himself(in_child):

    def run():
        os.setresgid(4001, 4001, 4001)
        os.setresuid(4001, 4001, 4001)
        set_dumpable(1)  # the change took /proc/self/… away from us
        unshare(CLONE_NEWUSER)
        write_id_maps(0, [IdMap(0, 4001, 1)], [IdMap(0, 4001, 1)])
        return setgroups_denied()

    assert in_child(run) is True

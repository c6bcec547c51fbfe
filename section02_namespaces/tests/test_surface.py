"""The public surface of section02_namespaces, pinned: who adds or removes a name changes this list."""

import section02_namespaces

SURFACE = """
CLONE_NEWCGROUP
CLONE_NEWIPC
CLONE_NEWNET
CLONE_NEWNS
CLONE_NEWPID
CLONE_NEWTIME
CLONE_NEWUSER
CLONE_NEWUTS
Found
IdMap
IdMapError
KINDS
Namespace
NamespaceError
NamespaceKind
PASSED_ON
STUMBLING_BLOCKS
Survey
check_id_map
differing_kinds
flags_of
fork_sibling
inside_user_namespace
kind_named
namespaces_of
open_namespace
pin
pinned_names
plan_enter
plan_namespaces
release_pins
resolve_target
setdomainname
setgroups_denied
sethostname
setns
state_folder
take_survey
unpin
unshare
wait_passing_on
write_id_maps
write_time_offsets
"""


def test_the_surface_is_exactly_this():
    assert sorted(section02_namespaces.__all__) == SURFACE.split()


def test_every_public_name_loads_and_is_documented():
    for name in section02_namespaces.__all__:
        value = getattr(section02_namespaces, name)
        assert not callable(value) or value.__doc__, name


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(section02_namespaces, "no_such_name")

"""The public surface of section04_filesystem, pinned: who adds or removes a name changes this list."""

import section04_filesystem

SURFACE = """
CgroupLayout
DEFAULT_DEVICES
DEV_SYMLINKS
EVERYTHING
ExecutedMethod
FilesystemError
HostRoot
IsolationMethod
Jails
LoopDevice
Mount
MountError
MountOptions
MountTable
Occupants
PROPAGATION
ROOT
STUMBLING_BLOCKS
Stage
UnsafePath
attach_loop
bind
bind_descriptor
copy_up
create_image
detach_loop
empty_folder
idmapped
isolation_matrix
list_loops
make_target
mount
mount_overlay
open_proc
pivot_root
plan_mapped_sources
plan_pivot
plan_private_mounts
plan_root_mounts
plan_rootfs
remove_tree
safe_open
set_propagation
state_folder
umount
write_proc
"""


def test_the_surface_is_exactly_this():
    assert sorted(section04_filesystem.__all__) == SURFACE.split()


def test_every_public_name_loads_and_is_documented():
    for name in section04_filesystem.__all__:
        value = getattr(section04_filesystem, name)
        assert not callable(value) or value.__doc__, name


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(section04_filesystem, "no_such_name")

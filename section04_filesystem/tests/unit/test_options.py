"""The option words: attributes, propagation, what is left for the file system."""

from hypothesis import given
from hypothesis import strategies as st

from section04_filesystem import MountOptions

RDONLY, NOSUID, NODEV, NOEXEC, ATIME, NOATIME, STRICT = 1, 2, 4, 8, 0x70, 0x10, 0x20


def parsed(*words):
    return MountOptions.parse(words)


def test_flags_become_attributes_and_the_rest_stays_data():
    options = parsed("nosuid", "noexec", "nodev", "mode=1777", "size=64m", "newinstance")
    assert options.set == NOSUID | NODEV | NOEXEC
    assert options.data == ["mode=1777", "size=64m", "newinstance"]


def test_the_last_of_two_contradicting_words_wins():
    assert (parsed("ro", "rw").set, parsed("ro", "rw").clear) == (0, RDONLY)
    assert (parsed("rw", "ro").set, parsed("rw", "ro").clear) == (RDONLY, 0)


def test_the_atime_field_is_cleared_before_it_is_set():
    assert (parsed("strictatime").set, parsed("strictatime").clear) == (STRICT, ATIME & ~STRICT | STRICT)
    assert parsed("noatime", "strictatime").set == STRICT
    assert (parsed("relatime").set, parsed("relatime").clear) == (0, ATIME)


def test_words_with_an_r_reach_everything_below():
    options = parsed("rro", "rnosuid", "rexec")
    assert (options.set, options.clear) == (0, 0)
    assert (options.all_set, options.all_clear) == (RDONLY | NOSUID, NOEXEC)


def test_binds_propagation_and_our_own_words():
    options = parsed("rbind", "rslave", "tmpcopyup", "remount", "sync")
    assert (options.bind, options.propagation, options.copy_up, options.remount) == ("rbind", "rslave", True, True)
    assert options.superblock == ["sync"]
    assert parsed("defaults", "x-systemd.automount", "silent").data == []


def test_id_mapped_mounts_are_kept_apart_from_the_file_systems_data():
    assert (parsed("rbind", "ridmap").idmap, parsed("idmap").idmap, parsed("ro").idmap) == ("ridmap", "idmap", "")
    assert parsed("ridmap").data == []


@given(st.lists(st.sampled_from(["ro", "rw", "suid", "nosuid", "noatime", "relatime", "rro", "rrw", "exec", "noexec"])))
def test_no_attribute_is_both_set_and_cleared_but_atime(words):
    options = parsed(*words)
    assert options.set & options.clear & ~ATIME == 0
    assert options.all_set & options.all_clear & ~ATIME == 0

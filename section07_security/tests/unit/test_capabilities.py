"""Names, bits and sets: pure."""

import pytest

from section07_security import CAPABILITIES, DOCKER_DEFAULT, CapabilitySets, UnknownCapability, mask_of, names_of


def test_table_is_the_kernels():
    assert len(CAPABILITIES) == 41
    known = {"CAP_CHOWN": 0, "CAP_SETPCAP": 8, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21, "CAP_MKNOD": 27,
             "CAP_SETFCAP": 31, "CAP_SYSLOG": 34, "CAP_BPF": 39, "CAP_CHECKPOINT_RESTORE": 40}  # fmt: skip
    assert {name: CAPABILITIES[name] for name in known} == known


def test_docker_default_is_the_mask_that_docker_shows_in_proc():
    assert len(DOCKER_DEFAULT) == 14
    assert mask_of(DOCKER_DEFAULT) == 0x00000000A80425FB


def test_names_with_and_without_prefix_in_any_case_and_all():
    assert mask_of(["chown", "CAP_CHOWN", "cap_Kill"]) == 1 | 1 << 5
    assert mask_of(["ALL"]) == mask_of(["cap_all"]) == (1 << 41) - 1
    assert names_of(mask_of(DOCKER_DEFAULT)) == sorted(DOCKER_DEFAULT, key=CAPABILITIES.get)
    assert names_of(1 << 50) == ["CAP_50"]


def test_unknown_name_says_the_nearest():
    with pytest.raises(UnknownCapability, match="did you mean CAP_NET_ADMIN"):
        mask_of(["NET_ADMN"])
    with pytest.raises(UnknownCapability):
        mask_of([""])


def test_sets_from_oci_and_from_status_agree():
    oci = {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL", "CAP_CHOWN"]}
    status = "Name:\tx\nCapInh:\t0\nCapPrm:\t0000000000000021\nCapEff:\t20\nCapBnd:\t20\nCapAmb:\t0\nSeccomp:\t0\n"
    assert CapabilitySets.from_oci(oci) == CapabilitySets.parse_status(status)
    assert CapabilitySets.from_oci(oci).limited(1).permitted == 1

"""The section's public names are these and no others."""

import section07_security


def test_surface():
    assert sorted(section07_security.__all__) == [
        "CAPABILITIES", "CapabilitySets", "DOCKER_DEFAULT", "MASKED_PATHS", "READONLY_PATHS", "SeccompError",
        "SeccompProfile", "SecurityMissing", "UnknownCapability", "apparmor_enabled", "compile_seccomp",
        "docker_seccomp_profile", "drop_bounding", "keep_capabilities", "last_cap", "load_seccomp", "mask_of",
        "masked_paths", "names_of", "prepare_seccomp", "resolved_default", "seccomp_flags", "seccomp_program",
        "set_ambient", "set_capabilities", "set_exec_profile", "set_no_new_privileges",
    ]  # fmt: skip
    for name in section07_security.__all__:
        assert getattr(section07_security, name) is not None

"""The section's public names are these and no others."""

import section03_cgroups


def test_surface():
    assert sorted(section03_cgroups.__all__) == [
        "Cgroup", "CgroupError", "ControllerMissing", "Hierarchy", "LimitRefused", "Limits", "Stats",
        "default_device_rules", "plan_cgroup", "plan_enter_cgroup",
    ]  # fmt: skip
    for name in section03_cgroups.__all__:
        assert getattr(section03_cgroups, name).__module__.startswith("section03_cgroups")

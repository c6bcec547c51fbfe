"""The doctor: every finding has a state, and what is missing comes with what to do or an id to look up."""

import pytest

from courseware import doctor


@pytest.mark.parametrize("check", doctor.CHECKS, ids=lambda c: c.__name__)
def test_a_check_answers_in_full(check):
    finding = check()
    assert finding.state in (doctor.OK, doctor.MISSING, doctor.BLOCKED)
    assert finding.feature
    assert finding.seen
    if finding.state != doctor.OK:
        assert finding.remedy or finding.explain


def test_an_old_kernel_is_named(monkeypatch):
    monkeypatch.setattr(doctor.platform, "release", lambda: "5.15.0-76-generic")
    finding = doctor.kernel()
    assert (finding.state, "5.15" in finding.seen) == (doctor.MISSING, True)


def test_ubuntus_knob_is_read_from_the_sysctl_not_guessed(monkeypatch):
    monkeypatch.setattr(doctor, "read", lambda path: "1" if path.endswith("restrict_unprivileged_userns") else "")
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 1000)
    finding = doctor.user_namespaces()
    assert (finding.state, finding.explain) == (doctor.BLOCKED, "LCM-US-02")


HYBRID = """30 24 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
32 24 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
33 24 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"""


@pytest.mark.parametrize(
    ("mountinfo", "controllers", "state", "words"),
    [
        (HYBRID, "", doctor.OK, "hybrid"),
        ("33 24 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "cpu memory pids", doctor.OK, "v2"),
        ("33 24 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "cpu", doctor.MISSING, "without memory pids"),
        ("", "", doctor.MISSING, "no cgroup"),
    ],
)
def test_the_cgroup_mode_is_read_from_the_mounts(monkeypatch, mountinfo, controllers, state, words):
    texts = {"/proc/self/mountinfo": mountinfo}
    monkeypatch.setattr(doctor, "read", lambda path: texts.get(path, controllers))
    finding = doctor.control_groups()
    assert finding.state == state
    assert words in finding.seen

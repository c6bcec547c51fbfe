"""Limits by name: the parser, and what happens to a limit that we may not set."""

import resource

import pytest

from section01_processes import UsageError
from section01_processes.rlimits import RLIMITS, UNLIMITED, Rlimit, parse_amount


def test_a_limit_is_parsed():
    for text, wanted in {
        "NOFILE=1024": ("NOFILE", 1024, 1024),
        "nofile=1024:4096": ("NOFILE", 1024, 4096),
        "RLIMIT_AS=2G": ("AS", 2 << 30, 2 << 30),
        "core=0:unlimited": ("CORE", 0, UNLIMITED),
        "FSIZE=64k:1M": ("FSIZE", 65536, 1048576),
        "STACK=infinity": ("STACK", UNLIMITED, UNLIMITED),
        "CPU=-1": ("CPU", UNLIMITED, UNLIMITED),
    }.items():
        limit = Rlimit.parse(text)
        assert (limit.name, limit.soft, limit.hard) == wanted


@pytest.mark.parametrize(
    "text", ["", "NOFILE", "=1", "NOPE=1", "NOFILE=", "NOFILE=x", "NOFILE=5:4", "NOFILE=unlimited:4", "AS=1:2:3",
             "AS=-2", "AS=99999999T", "OFILE=1", "AS=٣"]
)  # fmt: skip
def test_what_is_no_limit_is_refused_by_name(text):
    with pytest.raises(UsageError) as caught:
        Rlimit.parse(text)
    assert repr(text) in str(caught.value) or "number" in str(caught.value)
    assert caught.value.exit_code == 2


def test_every_limit_of_the_kernel_is_known():
    with open("/proc/self/limits") as file:
        assert len(RLIMITS) >= len(file.readlines()) - 2  # the heading, and locks, which Linux no longer counts


def test_a_limit_that_we_may_set_stays_as_it_is():
    limit = Rlimit.parse("NOFILE=10:20")
    assert limit.fitted() == (limit, "")
    assert str(limit) == "NOFILE=10:20"


@pytest.mark.needs("kernel")
def test_a_limit_that_nobody_may_set_is_lowered_with_a_warning():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    limit, warning = Rlimit.parse("NOFILE=7:unlimited").fitted()  # above fs.nr_open even root may not
    assert (limit.soft, limit.hard) == (7, hard)
    assert f"from {hard} to unlimited" in warning
    assert "CAP_SYS_RESOURCE" in warning


def test_amounts():
    assert [parse_amount(t, "x") for t in ("0", "12", "1k", "2M", "3G")] == [0, 12, 1024, 2 << 20, 3 << 30]
    with pytest.raises(UsageError, match="invalid --log-size: '1X'"):
        parse_amount("1X", "--log-size")

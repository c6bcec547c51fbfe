import pytest

from section01_processes import UsageError
from section09_init import HealthCheck

SECOND = 1_000_000_000


def states(results, **options):
    """Feed results (f, s) at the times that the check itself asks for; return the states and the times."""
    check, seen, times = HealthCheck(["true"], **options), [], []
    for letter in results:
        times.append(check.next_probe())
        check.record(times[-1], letter == "s")
        seen.append(check.state)
    return seen, times


def test_one_success_is_healthy_and_three_failures_are_not():
    seen, times = states("sffsfff")
    assert seen == ["healthy"] * 6 + ["unhealthy"]
    assert times == [30.0 * n for n in range(1, 8)]


def test_unhealthy_is_not_for_ever():
    assert states("fffs")[0] == ["starting", "starting", "unhealthy", "healthy"]


def test_failures_in_the_start_period_do_not_count():
    seen, times = states("ffffff", interval=10, start_period=21, start_interval=5, retries=2)
    assert times == [5, 10, 15, 20, 25, 35]
    assert seen == ["starting"] * 5 + ["unhealthy"]


def test_a_success_ends_the_start_period():
    seen, times = states("sff", interval=10, start_period=1000, retries=2)
    assert seen == ["healthy", "healthy", "unhealthy"]
    assert times == [5, 15, 25]


def test_the_interval_begins_when_a_probe_ends():
    check = HealthCheck([], interval=10)
    check.record(17.5, True)
    assert check.next_probe() == 27.5


def test_record_tells_changes_only():
    check = HealthCheck([], retries=1)
    assert [check.record(n, ok) for n, ok in enumerate([True, True, False, False])] == [True, False, True, False]


def test_an_image_s_config_is_in_nanoseconds_and_zero_is_the_default():
    config = {"Test": ["CMD-SHELL", "curl -f /"], "Interval": 5 * SECOND, "Timeout": 0, "Retries": 0}
    check = HealthCheck.from_config(config, began=100)
    assert check.test == ["/bin/sh", "-c", "curl -f /"]
    assert (check.interval, check.timeout, check.retries, check.next_probe()) == (5, 30, 3, 105)
    assert HealthCheck.from_config({"Test": ["CMD", "a", "b"]}).test == ["a", "b"]
    assert HealthCheck.from_config({"Test": ["NONE"]}) is None
    assert HealthCheck.from_config({}) is None
    with pytest.raises(UsageError):
        HealthCheck.from_config({"Test": ["RUN", "x"]})

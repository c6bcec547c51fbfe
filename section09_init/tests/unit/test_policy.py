import pytest
from hypothesis import given
from hypothesis import strategies as st

from section01_processes import UsageError, next_delay
from section09_init import RestartPolicy


def decide(policy, code=1, restarts=0, stopped=False, **more):
    return RestartPolicy.parse(policy).decide(code, restarts, stopped, **more)


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [
        ("no", 1, False),
        ("", 1, False),
        ("always", 0, True),
        ("always", 137, True),
        ("unless-stopped", 0, True),
        ("on-failure", 0, False),
        ("on-failure", 1, True),
        ("on-failure:0", 1, True),
    ],
)
def test_who_is_started_again(policy, code, again):
    assert (decide(policy, code) is not None) is again


@given(st.sampled_from(["no", "always", "unless-stopped", "on-failure"]), st.integers(0, 255), st.integers(0, 99))
def test_stopped_by_the_user_stays_stopped(policy, code, restarts):
    assert decide(policy, code, restarts, stopped=True) is None


def test_a_maximum_ends_it():
    assert [decide("on-failure:3", restarts=n) is not None for n in range(5)] == [True, True, True, False, False]


def test_delays_double_from_a_tenth_of_a_second_to_a_minute():
    assert [decide("always", restarts=n) for n in range(4)] == [0.1, 0.2, 0.4, 0.8]
    assert decide("always", restarts=1000) == 60.0
    delay, seen = 0.0, []
    for _ in range(12):
        delay = next_delay(0.0, delay)
        seen.append(delay)
    assert seen == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60])


def test_ten_good_seconds_begin_anew():
    assert decide("always", restarts=9, uptime=10.0, last_delay=51.2) == 0.1
    assert decide("always", restarts=9, uptime=9.9, last_delay=51.2) == 60.0


@pytest.mark.parametrize("text", ["sometimes", "always:3", "on-failure:", "on-failure:-1", "on-failure:x", "no:1"])
def test_what_docker_refuses_is_refused(text):
    with pytest.raises(UsageError, match="invalid restart policy"):
        RestartPolicy.parse(text)


@pytest.mark.parametrize("text", ["no", "always", "unless-stopped", "on-failure", "on-failure:7"])
def test_the_text_form_is_what_was_read(text):
    assert str(RestartPolicy.parse(text)) == text

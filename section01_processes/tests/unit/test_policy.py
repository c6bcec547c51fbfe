"""The restart table and the table of states."""

import pytest

from section01_processes import LcmError, UsageError
from section01_processes.manager.policy import (
    FIRST_DELAY,
    LAST_DELAY,
    POLICIES,
    STEADY,
    TRANSITIONS,
    Policy,
    check_transition,
    next_delay,
)


@pytest.mark.parametrize(
    ("policy", "success", "failure", "fourth_failure"),
    [
        ("no", False, False, False),
        ("on-failure", False, True, True),
        ("on-failure:3", False, True, False),
        ("unless-stopped", True, True, True),
        ("always", True, True, True),
    ],
)
def test_who_is_started_again(policy, success, failure, fourth_failure):
    parsed = Policy.parse(policy)
    assert str(parsed) == policy
    assert (parsed.wants(0, 0), parsed.wants(1, 0), parsed.wants(137, 3)) == (success, failure, fourth_failure)


@pytest.mark.parametrize("text", ["on-failure:", "on-failure:-1", ":3", "always:3", "On-Failure", "yes"])
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(UsageError, match="invalid restart policy"):
        Policy.parse(text)


@pytest.mark.parametrize(("text", "meant"), [("", "no"), ("on-failure:0", "on-failure")])
def test_docker_s_other_spellings(text, meant):
    assert str(Policy.parse(text)) == meant


def test_who_is_started_after_a_reboot():
    cases = {(final, stopped) for final in (False, True) for stopped in (False, True)}
    started = {name: {(f, s) for f, s in cases if Policy.parse(name).at_boot(final=f, stopped=s)} for name in POLICIES}
    assert started == {
        "no": set(),
        "on-failure": {(False, False)},
        "unless-stopped": {(False, False), (True, False)},
        "always": cases,
    }


def test_the_delay_doubles_up_to_a_bound_and_begins_anew_after_a_steady_run():
    delays = [0.0]
    for _ in range(12):
        delays.append(next_delay(0.01, delays[-1]))
    assert delays[1:5] == [FIRST_DELAY, FIRST_DELAY * 2, FIRST_DELAY * 4, FIRST_DELAY * 8]
    assert delays[-1] == LAST_DELAY
    assert next_delay(STEADY, LAST_DELAY) == FIRST_DELAY


def test_states_follow_the_table():
    check_transition("web", "running", "restarting")
    with pytest.raises(LcmError, match="process 'web' cannot become running: it is exited"):
        check_transition("web", "exited", "running")
    assert {state for following in TRANSITIONS.values() for state in following} <= set(TRANSITIONS)

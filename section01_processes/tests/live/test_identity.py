import os
import time

import pytest

from section01_processes import ProcessIdentity, UsageError, spawn

pytestmark = pytest.mark.lane("host", "guest")


def test_identity_survives_its_text_form():
    own = ProcessIdentity.of()
    assert own.pid == os.getpid()
    assert ProcessIdentity.parse(str(own)) == own
    assert own.alive()


def test_a_zombie_is_not_alive_and_neither_is_nobody():
    with spawn(lambda: time.sleep(100)) as child:
        identity = ProcessIdentity.of(child.pid)
        assert identity.alive()
        child.signal(9)
        os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOWAIT)
        assert os.path.exists(f"/proc/{child.pid}")
        assert not identity.alive()
        child.wait()
        assert not identity.alive()
    with pytest.raises(ProcessLookupError):
        ProcessIdentity.of(identity.pid)


@pytest.mark.parametrize("changed", ["boot_id", "start_time"])
def test_another_process_with_the_same_pid_is_not_it(changed):
    other = ProcessIdentity.of()
    setattr(other, changed, "another" if changed == "boot_id" else other.start_time + 1)
    assert not other.alive()


@pytest.mark.parametrize("text", ["", "boot", "boot:1", "boot:x:1", "boot:1:", ":1:1"])
def test_no_identity(text):
    with pytest.raises(UsageError):
        ProcessIdentity.parse(text)

"""The table of states, the identity behind a pid, and errors that cross processes."""

import os
import subprocess

import pytest

from section01_processes import ProcessIdentity, SyscallError
from section08_oci import TRANSITIONS, ContainerNotFound, IllegalTransition, State
from section08_oci.errors import pack_error, unpack_error


def values(**rest):
    return {"ociVersion": "1.0.2", "id": "a", "bundle": "/b", **rest}


def test_only_the_tables_transitions_are_possible(tmp_path):
    for before, legal in TRANSITIONS.items():
        for after in TRANSITIONS:
            state = State(str(tmp_path), values(status=before))
            if after in legal:
                state.move(after)
                assert state.status == after
            else:
                with pytest.raises(IllegalTransition):
                    state.move(after)


def test_a_number_that_belongs_to_somebody_else_is_not_the_container(tmp_path):
    identity = ProcessIdentity.of(os.getpid())
    state = State(str(tmp_path), values(status="running", pid=os.getpid(), identity=str(identity)))
    state.save()
    assert State.load(str(tmp_path)).status == "running"
    identity.start_time += 1
    state.values["identity"] = str(identity)
    state.save()
    assert State.load(str(tmp_path)).status == "stopped"
    assert "pid" not in State.load(str(tmp_path)).oci()


def test_a_zombie_has_stopped(tmp_path):
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    identity = str(ProcessIdentity.of(child.pid))
    State(str(tmp_path), values(status="running", pid=child.pid, identity=identity)).save()
    assert State.load(str(tmp_path)).status == "stopped"
    child.wait()


def test_a_folder_without_a_state_is_no_container(tmp_path):
    with pytest.raises(ContainerNotFound):
        State.load(str(tmp_path))


def test_an_error_keeps_what_it_knows_on_its_way_to_another_process():
    error = SyscallError(22, "pivot_root", (b".",), hint="bind it first", explain="LCM-FS-01", exit_code=126)
    error.add_note("while init did step 3: pivot")
    found = unpack_error(pack_error(error, "init"))
    assert (found.errno, found.exit_code, found.explain, found.hint) == (22, 126, "LCM-FS-01", "bind it first")
    assert found.process == "init"
    assert "pivot_root" in found.message
    assert found.__notes__ == ["while init did step 3: pivot"]

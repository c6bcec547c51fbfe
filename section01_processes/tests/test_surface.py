"""The public surface of section 1: nothing appears or disappears by accident."""

import section01_processes

SURFACE = """
Actor BadJson Child ChildFailed Connector LcmError Line PROCESSES Plan Policy ProcessIdentity ProcessStat ProcessTree
ProgramNotExecutable ProgramNotFound RECORD RawTerminal Recorder STUMBLING_BLOCKS Slot Stage Step SyscallError Teller
UsageError accept_unix action become_undumpable become_user boot_id change_directory close_descriptors close_from
command_line connect_unix describe_plan describe_step end_child exec_error exec_program execute_again exit_code
explain_lines explain_records find_program forbid_imports format_json get_size last_mile lazy_exports lead_session
listen_unix make_controlling_terminal next_delay open_inotify open_pidfd open_pty own_children parse_json
peer_credentials pid_of place_stdio prepare_execve protect_interpreter protected_copy prototype pty_number raw_getcwd
read_json read_records reap_all recv_message reset_signals run_tool send_message set_death_signal set_dumpable
set_keyring set_name set_size set_subreaper signal_name signal_number socket_pair spawn start_interpreter sync_folder
syscall syscall_number wait_until warn write_file
"""


def test_surface_is_pinned():
    assert sorted(section01_processes.__all__) == sorted(SURFACE.split())


def test_every_name_loads():
    for name in section01_processes.__all__:
        assert getattr(section01_processes, name) is not None

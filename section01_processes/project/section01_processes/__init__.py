"""Processes: spawning, waiting, signals, terminals, and the Plan that every floor above builds on.

The public surface of the section. Names load on first use (PEP 562), so that taking one of them from a fast path
loads one module and not the section.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._syscalls import close_from as close_from
    from ._syscalls import open_inotify as open_inotify
    from ._syscalls import prepare_execve as prepare_execve
    from ._syscalls import prototype as prototype
    from ._syscalls import raw_getcwd as raw_getcwd
    from ._syscalls import reset_signals as reset_signals
    from ._syscalls import set_death_signal as set_death_signal
    from ._syscalls import set_dumpable as set_dumpable
    from ._syscalls import set_keyring as set_keyring
    from ._syscalls import set_name as set_name
    from ._syscalls import set_subreaper as set_subreaper
    from ._syscalls import syscall as syscall
    from ._syscalls import syscall_number as syscall_number
    from .child import become_undumpable as become_undumpable
    from .child import become_user as become_user
    from .child import close_descriptors as close_descriptors
    from .child import forbid_imports as forbid_imports
    from .child import lead_session as lead_session
    from .child import place_stdio as place_stdio
    from .children import end_child as end_child
    from .children import own_children as own_children
    from .children import reap_all as reap_all
    from .connector import Connector as Connector
    from .core.exec import change_directory as change_directory
    from .core.exec import exec_error as exec_error
    from .core.exec import exec_program as exec_program
    from .core.exec import last_mile as last_mile
    from .core.plan import PROCESSES as PROCESSES
    from .core.plan import RECORD as RECORD
    from .core.plan import Plan as Plan
    from .core.plan import Recorder as Recorder
    from .core.plan import Slot as Slot
    from .core.plan import Step as Step
    from .core.plan import action as action
    from .core.spawn import Child as Child
    from .core.spawn import exit_code as exit_code
    from .core.spawn import spawn as spawn
    from .core.stat import ProcessStat as ProcessStat
    from .core.tree import ProcessTree as ProcessTree
    from .demo.stage import Actor as Actor
    from .demo.stage import Line as Line
    from .demo.stage import Stage as Stage
    from .demo.stage import wait_until as wait_until
    from .demo.teller import Teller as Teller
    from .errors import ChildFailed as ChildFailed
    from .errors import LcmError as LcmError
    from .errors import ProgramNotExecutable as ProgramNotExecutable
    from .errors import ProgramNotFound as ProgramNotFound
    from .errors import SyscallError as SyscallError
    from .errors import UsageError as UsageError
    from .explain import describe_plan as describe_plan
    from .explain import describe_step as describe_step
    from .explain import explain_lines as explain_lines
    from .explain import explain_records as explain_records
    from .explain import read_records as read_records
    from .files import BadJson as BadJson
    from .files import format_json as format_json
    from .files import parse_json as parse_json
    from .files import read_json as read_json
    from .files import sync_folder as sync_folder
    from .files import write_file as write_file
    from .identity import ProcessIdentity as ProcessIdentity
    from .identity import boot_id as boot_id
    from .identity import open_pidfd as open_pidfd
    from .interpreter import execute_again as execute_again
    from .interpreter import pid_of as pid_of
    from .interpreter import protect_interpreter as protect_interpreter
    from .interpreter import protected_copy as protected_copy
    from .interpreter import start_interpreter as start_interpreter
    from .manager.policy import Policy as Policy
    from .manager.policy import next_delay as next_delay
    from .messages import accept_unix as accept_unix
    from .messages import connect_unix as connect_unix
    from .messages import listen_unix as listen_unix
    from .messages import peer_credentials as peer_credentials
    from .messages import recv_message as recv_message
    from .messages import send_message as send_message
    from .messages import socket_pair as socket_pair
    from .programs import find_program as find_program
    from .pty import RawTerminal as RawTerminal
    from .pty import get_size as get_size
    from .pty import make_controlling_terminal as make_controlling_terminal
    from .pty import open_pty as open_pty
    from .pty import pty_number as pty_number
    from .pty import set_size as set_size
    from .signals import signal_name as signal_name
    from .signals import signal_number as signal_number
    from .status import command_line as command_line
    from .stumbling import STUMBLING_BLOCKS as STUMBLING_BLOCKS
    from .tool import run_tool as run_tool
    from .warning import warn as warn


def lazy_exports(package: str, where: Mapping[str, str]) -> Callable[[str], object]:
    """Return a module ``__getattr__`` that imports ``package.where[name]`` the first time ``name`` is asked for.

    ``where`` maps each public name to the submodule (dotted, relative to ``package``) that defines it.
    Raises AttributeError for any other name (PEP 562).
    """

    def load(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = __import__(f"{package}.{where[name]}", fromlist=[name])
        value: object = getattr(module, name)
        __import__(package, fromlist=["_"]).__dict__[name] = value
        return value

    return load


_WHERE = {
    "Actor": "demo.stage",
    "BadJson": "files",
    "Child": "core.spawn",
    "ChildFailed": "errors",
    "Connector": "connector",
    "LcmError": "errors",
    "Line": "demo.stage",
    "PROCESSES": "core.plan",
    "Plan": "core.plan",
    "Policy": "manager.policy",
    "ProcessIdentity": "identity",
    "ProcessStat": "core.stat",
    "ProcessTree": "core.tree",
    "ProgramNotExecutable": "errors",
    "ProgramNotFound": "errors",
    "RECORD": "core.plan",
    "RawTerminal": "pty",
    "Recorder": "core.plan",
    "STUMBLING_BLOCKS": "stumbling",
    "Slot": "core.plan",
    "Stage": "demo.stage",
    "Step": "core.plan",
    "SyscallError": "errors",
    "Teller": "demo.teller",
    "UsageError": "errors",
    "accept_unix": "messages",
    "action": "core.plan",
    "become_undumpable": "child",
    "become_user": "child",
    "boot_id": "identity",
    "change_directory": "core.exec",
    "close_descriptors": "child",
    "close_from": "_syscalls",
    "command_line": "status",
    "connect_unix": "messages",
    "describe_plan": "explain",
    "describe_step": "explain",
    "end_child": "children",
    "exec_error": "core.exec",
    "exec_program": "core.exec",
    "execute_again": "interpreter",
    "exit_code": "core.spawn",
    "explain_lines": "explain",
    "explain_records": "explain",
    "find_program": "programs",
    "forbid_imports": "child",
    "format_json": "files",
    "get_size": "pty",
    "last_mile": "core.exec",
    "lead_session": "child",
    "listen_unix": "messages",
    "make_controlling_terminal": "pty",
    "next_delay": "manager.policy",
    "open_inotify": "_syscalls",
    "open_pidfd": "identity",
    "open_pty": "pty",
    "own_children": "children",
    "parse_json": "files",
    "peer_credentials": "messages",
    "pid_of": "interpreter",
    "place_stdio": "child",
    "prepare_execve": "_syscalls",
    "protect_interpreter": "interpreter",
    "protected_copy": "interpreter",
    "prototype": "_syscalls",
    "pty_number": "pty",
    "raw_getcwd": "_syscalls",
    "read_json": "files",
    "read_records": "explain",
    "reap_all": "children",
    "recv_message": "messages",
    "reset_signals": "_syscalls",
    "send_message": "messages",
    "set_death_signal": "_syscalls",
    "set_dumpable": "_syscalls",
    "set_keyring": "_syscalls",
    "set_name": "_syscalls",
    "set_size": "pty",
    "set_subreaper": "_syscalls",
    "signal_name": "signals",
    "signal_number": "signals",
    "socket_pair": "messages",
    "spawn": "core.spawn",
    "start_interpreter": "interpreter",
    "run_tool": "tool",
    "sync_folder": "files",
    "syscall": "_syscalls",
    "syscall_number": "_syscalls",
    "wait_until": "demo.stage",
    "warn": "warning",
    "write_file": "files",
}
__all__ = ["lazy_exports"]
__all__ += list(_WHERE)
__getattr__ = lazy_exports(__name__, _WHERE)

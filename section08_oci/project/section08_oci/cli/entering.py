"""ociman exec."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from section01_processes import read_json

from ..enter import Target, exec_process, plan_exec
from ..errors import SpecError
from ..options import ExecOptions
from .making import CONSOLE_SOCKET, DRY_RUN, PID_FILE, deliver, print_plan, write_pid
from .terminal import current_size, serve

if TYPE_CHECKING:
    from .tool import Root


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("container_id")
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@CONSOLE_SOCKET
@PID_FILE
@DRY_RUN
@click.option("-p", "--process", "process_file", default="", metavar="FILE", help="The process, as in config.json.")
@click.option("-t", "--tty", is_flag=True, help="Give it a terminal.")
@click.option("-u", "--user", default="", metavar="UID[:GID]", help="Run as this user.")
@click.option("-g", "--additional-gids", type=int, multiple=True, metavar="GID", help="One more group.")
@click.option("-e", "--env", multiple=True, metavar="K=V", help="One more environment variable.")
@click.option("--cwd", default="", metavar="DIR", help="The working directory.")
@click.option("--cap", multiple=True, metavar="CAP", help="One more capability.")
@click.option("--no-new-privs", is_flag=True, help="Set no_new_privs.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait for it.")
@click.pass_obj
def exec_command(
    root: Root,
    /,
    container_id: str,
    args: tuple[str, ...],
    console_socket: str,
    pid_file: str,
    dry_run: bool,
    process_file: str,
    detach: bool,
    **wishes: Any,
) -> int:
    """Run one more program in a running container; the exit code is the program's."""
    folder = root.folder(container_id)
    target = Target.of(folder)
    try:
        process = read_json(process_file) if process_file else build(target.spec["process"], args, wishes)
        if process.get("terminal") and detach and not console_socket:
            raise click.UsageError("a detached process with a terminal needs --console-socket")
        options = ExecOptions(process="cli", console_size=current_size())
        if dry_run:
            for plan in plan_exec(target, process, options).values():
                print_plan(plan)
            return 0
        made = exec_process(target, process, options)
    finally:
        os.close(target.pidfd)
    if pid_file:
        write_pid(pid_file, made.pid)
    deliver(made, console_socket)
    return 0 if detach else serve(made)


def build(base: dict[str, Any], args: tuple[str, ...], wishes: dict[str, Any]) -> dict[str, Any]:
    """Return the container's own process with other arguments and what the options say."""
    if not args:
        raise SpecError("no program is given", hint="ociman exec ID PROGRAM [ARG]…, or --process FILE")
    process = {**base, "args": list(args), "terminal": wishes["tty"]}
    process["env"] = [*base.get("env", []), *wishes["env"]]
    process["user"] = user_of(wishes["user"], base.get("user", {}))
    if wishes["additional_gids"]:
        process["user"]["additionalGids"] = list(wishes["additional_gids"])
    if wishes["cwd"]:
        process["cwd"] = wishes["cwd"]
    if wishes["no_new_privs"]:
        process["noNewPrivileges"] = True
    if wishes["cap"]:
        sets = base.get("capabilities") or {}
        kinds = ("bounding", "effective", "permitted")
        process["capabilities"] = {**sets, **{k: [*sets.get(k, []), *wishes["cap"]] for k in kinds}}
    return process


def user_of(text: str, base: dict[str, Any]) -> dict[str, Any]:
    """Return the user that ``UID[:GID]`` names; without text the container's own."""
    if not text:
        return dict(base)
    uid, _, gid = text.partition(":")
    if not uid.isdecimal() or (gid and not gid.isdecimal()):
        raise SpecError(f"{text!r} is not UID[:GID]", hint="numbers: names are known to the image only")
    return {"uid": int(uid), "gid": int(gid or 0)}

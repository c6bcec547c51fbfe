"""secman seccomp: what a profile comes to, its program as bytes and as text, one call tried on it."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from section07_security.core.capabilities import DOCKER_DEFAULT, mask_of, names_of
from section07_security.core.seccomp import compile_seccomp
from section07_security.errors import SeccompError
from section07_security.profile import SeccompProfile, docker_seccomp_profile
from section07_security.simulate import MODES, answer_text, call_number, disassemble, simulate

OPTIONS = (
    click.option("--profile", type=click.Path(exists=True, dir_okay=False), help="A profile (default: Docker's own)."),
    click.option("--cap-add", multiple=True, metavar="NAME", help="As in docker run: conditions depend on it."),
    click.option("--cap-drop", multiple=True, metavar="NAME", help="As in docker run."),
    click.option("--machine", type=click.Choice(["x86_64", "aarch64"]), default=os.uname().machine, show_default=True),
    click.option("--kernel", default=os.uname().release, help="Kernel version, for conditions.", show_default=True),
)


def profile_options(function: Any) -> Any:
    """Give a command the options that choose and resolve a profile."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def resolve(
    profile: str | None, cap_add: tuple[str, ...], cap_drop: tuple[str, ...], machine: str, kernel: str
) -> dict[str, Any]:
    """Return the OCI section that the options ask for."""
    mask = mask_of(DOCKER_DEFAULT) & ~mask_of(cap_drop) | mask_of(cap_add)
    if profile:
        with open(profile) as file:
            parsed = SeccompProfile.parse(file.read())
    else:
        parsed = SeccompProfile.parse(docker_seccomp_profile())
    return parsed.resolve(names_of(mask), machine, kernel)


@click.group()
def seccomp() -> None:
    """Read, build and try system call filters."""


@seccomp.command()
@profile_options
@click.option("--json", "as_json", is_flag=True, help="Print the OCI section itself.")
def show(as_json: bool, **options: Any) -> None:
    """Show what a profile comes to for a container with these capabilities."""
    oci = resolve(**options)
    if as_json:
        click.echo(json.dumps(oci, indent=2))
        return
    click.echo(f"otherwise: {oci['defaultAction']} {oci.get('defaultErrnoRet', '')}")
    click.echo(f"architectures: {', '.join(oci.get('architectures') or ['(native)'])}")
    for rule in oci["syscalls"]:
        tests = [f"arg{a['index']} {a['op'].removeprefix('SCMP_CMP_')} {a['value']:#x}" for a in rule.get("args") or ()]
        names = ", ".join(rule["names"][:8]) + (f" … ({len(rule['names'])} calls)" if len(rule["names"]) > 8 else "")
        click.echo(f"{rule['action'].removeprefix('SCMP_ACT_')}: {names}{' if ' if tests else ''}{' and '.join(tests)}")


@seccomp.command()
@profile_options
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="File for the program's bytes.")
@click.option("--dry-run", is_flag=True, help="Compile, but write nothing.")
def build(output: str | None, dry_run: bool, **options: Any) -> None:
    """Compile a profile to the bytes that seccomp(2) takes."""
    program = compile_seccomp(resolve(**options), options["machine"])
    click.echo(f"{len(program) // 8} instructions, {len(program)} bytes", err=True)
    if output and not dry_run:
        with open(output, "wb") as file:
            file.write(program)


@seccomp.command()
@profile_options
def disasm(**options: Any) -> None:
    """Print the compiled program, one instruction a line."""
    program = compile_seccomp(resolve(**options), options["machine"])
    click.echo("\n".join(disassemble(program)))


@seccomp.command("simulate")
@profile_options
@click.option("--arch", help="As which architecture the call is made: x86_64, x86, x32, aarch64, arm.")
@click.option("--trace", is_flag=True, help="Also print the instructions that it went through.")
@click.argument("syscall")
@click.argument("args", nargs=-1)
def simulate_command(arch: str | None, trace: bool, syscall: str, args: tuple[str, ...], **options: Any) -> None:
    """Say what the filter answers to SYSCALL (name or number) with ARGS (numbers, also 0x…)."""
    arch = arch or options["machine"]
    if arch not in MODES or len(args) > 6:
        raise SeccompError(f"no such call: {arch} {syscall} with {len(args)} arguments", exit_code=2)
    try:
        values = tuple(int(arg, 0) for arg in args)
    except ValueError as error:
        raise SeccompError(f"arguments are numbers: {error}", exit_code=2) from None
    program = compile_seccomp(resolve(**options), options["machine"])
    answer, path = simulate(program, call_number(syscall, arch), MODES[arch][0], values)
    click.echo(f"{answer_text(answer)}  (after {len(path)} instructions)")
    if trace:
        lines = list(disassemble(program))
        click.echo("\n".join(lines[at] for at in path))

"""The flags of ``run`` and ``create``: one table, Docker's names.

What belongs here: names and help. What does not: meanings (``translate/``).
"""

from __future__ import annotations

import click

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

#: (names, metavar or "" for a switch or "*" in front for several times, help)
FLAGS: tuple[tuple[str, str, str], ...] = (
    ("--add-host", "*NAME:ADDRESS", "Add a line to /etc/hosts (address host-gateway: the host)."),
    ("--cap-add", "*CAP", "Add a capability, or ALL."),
    ("--cap-drop", "*CAP", "Drop a capability, or ALL."),
    ("--cidfile", "FILE", "Write the container's id to FILE."),
    ("--cpu-period", "US", "CFS period in microseconds."),
    ("--cpu-quota", "US", "CFS quota in microseconds."),
    ("--cpu-shares -c", "N", "Relative weight (default 1024)."),
    ("--cpus", "N", "How many processors, as in 0.5."),
    ("--cpuset-cpus", "LIST", "Which processors, as in 0-2,4."),
    ("--cpuset-mems", "LIST", "Which memory nodes."),
    ("--device", "*PATH", "Give a host device: /dev/x[:/dev/inside][:rwm]."),
    ("--dns", "*ADDRESS", "Name server."),
    ("--dns-option", "*OPTION", "Resolver option."),
    ("--dns-search", "*DOMAIN", "Search domain."),
    ("--domainname", "NAME", "NIS domain name."),
    ("--entrypoint", "PROGRAM", "Replace the image's entrypoint."),
    ("--env -e", "*NAME=VALUE", "Set a variable; without value: from the caller's environment."),
    ("--env-file", "*FILE", "Read variables from a file."),
    ("--group-add", "*GROUP", "Add a supplementary group."),
    ("--hostname -h", "NAME", "Host name."),
    ("--init", "", "Run a small init as PID 1: forwards signals, reaps."),
    ("--interactive -i", "", "Keep stdin open."),
    ("--ip", "ADDRESS", "IPv4 address, as in 172.29.0.9."),
    ("--label -l", "*NAME=VALUE", "Set a label."),
    ("--log-driver", "NAME", "json-file or none."),
    ("--log-opt", "*NAME=VALUE", "max-size=10m, max-file=3."),
    ("--mac-address", "MAC", "Link address."),
    ("--memory -m", "SIZE", "Memory limit, as in 64m."),
    ("--memory-reservation", "SIZE", "Soft memory limit."),
    ("--memory-swap", "SIZE", "Memory plus swap; -1: no limit."),
    ("--mount", "*SPEC", "type=bind|volume|tmpfs,source=…,target=…[,readonly]."),
    ("--name", "NAME", "The container's name."),
    ("--network --net", "MODE", "bridge, none, host or container:NAME."),
    ("--oom-score-adj", "N", "-1000 … 1000."),
    ("--pids-limit", "N", "How many processes (-1: no limit)."),
    ("--privileged", "", "All capabilities and devices, nothing masked."),
    ("--publish -p", "*PORTS", "Publish a port: [address:][host:]container[/udp]."),
    ("--read-only", "", "Mount the root read-only."),
    ("--restart", "POLICY", "no, always, unless-stopped, on-failure[:n]."),
    ("--rm", "", "Remove the container when it ends."),
    ("--security-opt", "*OPTION", "no-new-privileges, seccomp=FILE|unconfined, apparmor=unconfined."),
    ("--shm-size", "SIZE", "Size of /dev/shm (default 64m)."),
    ("--stop-signal", "SIGNAL", "What stop sends first."),
    ("--stop-timeout", "SECONDS", "How long stop waits before KILL."),
    ("--sysctl", "*NAME=VALUE", "Set a kernel parameter of the container's namespaces."),
    ("--tmpfs", "*PATH[:OPTIONS]", "Mount a tmpfs."),
    ("--tty -t", "", "Give it a terminal."),
    ("--ulimit", "*TYPE=SOFT[:HARD]", "Resource limit, as in nofile=1024:2048."),
    ("--user -u", "USER[:GROUP]", "Who it runs as."),
    ("--volume -v", "*[SOURCE:]TARGET", "Mount a host folder or a volume; :ro, :nocopy."),
    ("--workdir -w", "PATH", "Folder it starts in."),
)


def container_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add every flag of the table to ``command``; only those that were given arrive."""
    for names, metavar, text in reversed(FLAGS):
        flags = names.split()
        if not metavar:
            option = click.option(*flags, is_flag=True, help=text)
        else:
            option = click.option(*flags, metavar=metavar.lstrip("*"), multiple=metavar[0] == "*", help=text)
        command = option(command)
    return command


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Return the flags that were given, without those that were not."""
    return {name: value for name, value in values.items() if value is not None and value != () and value is not False}


class RunCommand(click.Command):
    """A command whose ``--explain`` takes a value only as ``--explain=FILE``: the next word is the image."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give a bare ``--explain`` its value, then parse as usual."""
        valued = {
            name
            for p in self.params
            if isinstance(p, click.Option) and not p.is_flag
            for name in (*p.opts, *p.secondary_opts)
        }
        return super().parse_args(ctx, fill_explain(args, valued))


def fill_explain(args: list[str], valued: set[str]) -> list[str]:
    """Return ``args`` with ``--explain`` as ``--explain=-`` where it stands before the first word that is no option.

    ``valued``: the flags that take a value; a value in the next word is skipped.
    """
    out = list(args)
    i = 0
    while i < len(out) and out[i].startswith("-") and out[i] not in {"-", "--"}:
        word = out[i]
        if word == "--explain":
            out[i] = "--explain=-"
        elif word in valued or (word[1] != "-" and _ends_with_valued(word, valued)):
            i += 1
        i += 1
    return out


def _ends_with_valued(word: str, valued: set[str]) -> bool:
    """Return whether a cluster like ``-itv`` takes its value from the next word: its *last* letter takes one."""
    for i, letter in enumerate(word[1:], 1):
        if "-" + letter in valued:
            return i == len(word) - 1
    return False


#: For commands whose last words are another program's: its options are not ours.
PROGRAM = {"ignore_unknown_options": False, "allow_interspersed_args": False}


def wants_terminal(*, tty: bool, interactive: bool, keys: str) -> None:
    """Raise UsageError for detach keys that are none, and for -t with -i when stdin is no terminal, as Docker does."""
    import os

    from minidocker.shimterminal import parse_detach_keys
    from section01_processes import UsageError

    parse_detach_keys(keys)

    if tty and interactive and not os.isatty(0):
        raise UsageError("the input device is not a TTY", hint="leave out -t when stdin is a pipe or file", exit_code=1)

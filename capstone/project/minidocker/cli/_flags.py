"""The flags of every command that makes, starts, stops or lists containers: one table, Docker's names, plain data.

Two readers: ``_quick.py`` parses a usual command line with it, ``_click.py`` builds click's commands of it (help,
completion, complaints). What belongs here: names and help. What does not: meanings (``translate/``), parsing.

A flag is (names, what it takes, help[, default]). Its names are Docker's, then the parameter's where that is another;
``--on/--off`` is a pair, on unless turned off. What it takes:

===========  ==========================================  =======
""           nothing: a switch                           False
"*X"         a text, may be given several times          ()
"INTEGER"    a number                                    None
"[=X]"       a text, only as ``--flag=X``; bare: "-"     None
"X"          a text                                      None
===========  ==========================================  =======
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    Flag = tuple[str, str, str] | tuple[str, str, str, str]
    Flags = tuple[Flag, ...]

GLOBAL: Flags = (
    ("--root", "FOLDER", "State folder (default: MINIDOCKER_ROOT, or the user's own)."),
    ("--debug", "", "Show tracebacks."),
)

_KEYS: Flag = ("--detach-keys", "KEYS", "How to detach (ctrl-p,ctrl-q).", "ctrl-p,ctrl-q")

_CONTAINER: Flags = (
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

_RUN: Flags = (
    ("--detach -d", "", "Run in the background and print the id."),
    _KEYS,
    ("--sig-proxy/--no-sig-proxy", "", "Forward signals to the program."),
    ("--dry-run", "", "Print the steps of every process; touch nothing."),
    ("--explain", "[=FILE.json]", "Show each step as it happens."),
    *_CONTAINER,
)

_EXEC: Flags = (
    ("--detach -d", "", "Run in the background."),
    _KEYS,
    ("--env -e", "*NAME=VALUE", "Set a variable."),
    ("--env-file", "*FILE", "Read variables from a file."),
    ("--interactive -i", "", "Keep stdin open."),
    ("--privileged", "", "All capabilities."),
    ("--tty -t", "", "Give it a terminal."),
    ("--user -u", "USER[:GROUP]", "Who it runs as.", ""),
    ("--workdir -w", "PATH", "Folder it starts in.", ""),
)

_START: Flags = (
    ("--attach -a", "", "Attach to its output, forward signals."),
    ("--interactive -i", "", "Attach stdin too."),
    _KEYS,
)

_STOP: Flags = (
    ("--time --timeout -t seconds", "INTEGER", "Seconds before KILL (-1: never; default 10)."),
    ("--signal -s", "SIGNAL", "What to send first.", ""),
)

_RM: Flags = (
    ("--force -f", "", "Kill a running container first."),
    ("--volumes -v", "", "Remove its anonymous volumes too."),
)

_LOGS: Flags = (
    ("--follow -f", "", "Go on until the container ends."),
    ("--tail -n", "N", "Only the last N lines.", "all"),
    ("--since", "TIME", "2026-01-31T12:00:00Z, or 10m for ten minutes ago.", ""),
    ("--until", "TIME", "Only before this time.", ""),
    ("--timestamps -t", "", "Show when each line was written."),
)

_PS: Flags = (
    ("--all -a everything", "", "Also those that do not run."),
    ("--filter -f filters", "*KEY=VALUE", "status, name, label, id, exited, ancestor."),
    ("--format form", "FORMAT", "json, or a template such as '{{.Names}}'.", ""),
    ("--last -n", "INTEGER", "The newest N, whatever their state.", "0"),
    ("--latest -l", "", "The newest one."),
    ("--no-trunc", "", "Do not shorten."),
    ("--quiet -q", "", "Only ids."),
)

#: Command → (flags, arguments, whether the flags end at the first argument because the rest is another program's).
#: An argument: ``"name"`` is one word, ``"*name"`` any number of words, ``"+name"`` one or more.
SPECS: dict[str, tuple[Flags, tuple[str, ...], bool]] = {
    "create": (_CONTAINER, ("image", "*command"), True),
    "exec": (_EXEC, ("container", "+command"), True),
    "kill": ((("--signal -s", "SIGNAL", "Which signal (default KILL).", "KILL"),), ("+containers",), False),
    "logs": (_LOGS, ("container",), False),
    "ps": (_PS, (), False),
    "restart": (_STOP, ("+containers",), False),
    "rm": (_RM, ("+containers",), False),
    "run": (_RUN, ("image", "*command"), True),
    "start": (_START, ("+containers",), False),
    "stop": (_STOP, ("+containers",), False),
    "wait": ((), ("+containers",), False),
}


def parameter(names: str) -> str:
    """Return the name of the parameter that a flag with these names sets."""
    words = names.split()
    if words[-1][0] != "-":
        return words[-1]
    return words[0].partition("/")[0].lstrip("-").replace("-", "_")

"""How a command and a shim talk: the frames of the socket, the arguments, and the files ``shim.json``, ``status.json``.

What belongs here: numbers, layouts, and the tables that describe them. What does not: sending or acting
(``shimclient`` is the command's side, ``shim/clients.py`` the shim's).

The socket
==========

``containers/<id>/sock`` is a SOCK_SEQPACKET socket, mode 0700 in a 0700 folder; the shim answers peers of its own uid
and root only (SO_PEERCRED). One packet is one frame: ``kind`` (one byte), then the payload. One connection makes one
request; the *first* frame says which; all integers are little endian. Closing the connection ends the request (for an
attached client that is "detach": nothing else happens). No frame is longer than 1 + DATA_MAX bytes, EXEC excepted
(EXEC_MAX).

first frame  payload                                   the shim answers
-----------  ----------------------------------------  -----------------------------------------------------------
START        –                                         (start-up connection only) STARTED or ERROR, then closes
ATTACH       flags u8 (ATTACH_*), rows u16, columns    (start-up connection: STARTED or ERROR first) OUT/ERR frames;
             u16 (0, 0: size unknown)                  after the process ended and all its output: EXIT; then end of
                                                       file, not before everything external has been released
WAIT         condition u8 (WAIT_*)                     EXIT, then end of file after the release (WAIT_FINAL)
SIGNAL       number u8, flags u8 (SIGNAL_*)            OK or ERROR
EXEC         JSON, see below; SCM_RIGHTS: the three    STARTED (tty: with the pty's master as SCM_RIGHTS) or ERROR;
             descriptors stdin, stdout, stderr unless  EXIT when the process has ended
             tty or detach
RESIZE       rows u16, columns u16                     OK or ERROR (the container's own terminal)

While attached the client may send, without an answer: IN (bytes for the container's stdin), IN_EOF (the client's stdin
has ended: closes the container's stdin if ``stdin_once``), RESIZE, SIGNAL. On an EXEC connection: SIGNAL (to the exec'd
process), no RESIZE (the client holds the master and resizes it itself).

answer       payload
-----------  ------------------------------------------------------------------------------------------------------
OK           –
STARTED      pid u32 (as the shim sees it)
ERROR        exit code u8, then UTF-8 text: message NUL hint NUL stumbling-block id
OUT, ERR     bytes, at most DATA_MAX (a terminal's output is OUT)
EXIT         status u8 (128+n for signal n), flags u8 (EXIT_OOM_KILLED, EXIT_RESTARTING)

EXEC's JSON: ``{"process": <OCI process object>, "user": "name[:group]"|"", "group_add": [...], "privileged": false,
"detach": false, "size": [rows, columns]}``. ``process.terminal`` chooses a pty. ``user`` "" means: as the container's
own process. When ``process.capabilities``/``env``/``cwd`` are absent the container's are used; ``env`` is *added* to
the container's.

Start-up
========

The command makes a socket pair, writes its first frame (START or ATTACH) into its end, and starts the shim with
arguments ``key=value``; so an attached client is there before the first byte of output:

path=A:B:C      sys.path for our packages, fixed                 folder=DIR      containers/<id>
lock=FD         the flock on ``lock``, already held              control=FD      the other end of the socket pair
record=FD       record pipe of --explain, or -1                  crash=P:N       crash test device, or empty

(A rootless shim enters its user namespace and then executes itself again, so that its memory belongs to that namespace;
it adds done=N, the steps that are behind it, and request=HEX, the first frame, which it has read by then.)

shim.json (written by the engine, never by the shim)
====================================================

field              type            meaning
-----------------  --------------  -----------------------------------------------------------------------------------
id                 str             container id (64 hex digits); names of everything external derive from it
root               str             state root
lower              [str]           the image's layer ``diff`` folders, top first
user               str             "" | name | uid | name:group | uid:gid, resolved against the mounted root; HOME is
                                   set from passwd when config.json's process.env has none
group_add          [str]           further groups, names or numbers
volumes            [object]        {"source": host folder, "target": path in the container, "copy": bool}: copy-up from
                                   the image when ``source`` is empty (the bind itself is in config.json's mounts)
network            object          {"mode": "none"|"host"|"bridge"|"container", "network": name, "host_if": str,
                                   "mac": str, "address": str|"" (wish), "ports": ["ip:hport:cport/proto", …],
                                   "hostname": str}; mode container: config.json has the namespace's path; then
                                   "files_from" names the folder whose hosts/hostname/resolv.conf are used
etc_files          bool            write hosts, hostname, resolv.conf (config.json has the three binds)
hostname           str             for hosts and hostname ("" : none)
domainname         str
extra_hosts        [str]           "name:address" (address ``host-gateway`` = the bridge's)
dns, dns_search,   [str]           resolv.conf; empty: the host's
dns_options
tty                bool            = config.json process.terminal
open_stdin         bool            -i: keep stdin open; otherwise /dev/null
stdin_once         bool            the end of the (first) client's stdin closes the container's
log                object          {"driver": "json-file"|"none", "max_size": bytes or 0, "max_file": count ≥ 1,
                                   "mode": "blocking"}
restart            str             RestartPolicy text: "no", "always", "unless-stopped", "on-failure[:n]"
auto_remove        bool            --rm: the shim removes the folder in the end
anonymous_volumes  [str]           host folders of anonymous volumes, removed with --rm
init               bool            --init: run_init is PID 1
cgroup             str             "/minidocker/<id>"
shim_cgroup        str             "/minidocker/<id>.shim"; "" : stay in the caller's
uid_maps, gid_maps [[in,out,n]]    empty = root; rootless: [[0, uid, 1]]; the shim unshares the user namespace itself
seccomp_cache      str             folder of compiled filters

status.json (by rename, from the shim)
======================================

field        type   meaning
-----------  -----  ---------------------------------------------------------------------------------------------------
state        str    "created" (pid > 0: the init waits at the gate; pid 0 with error: it could not be started, exit_code
                    is 125, 126 or 127) | "running" | "restarting" | "exited"
pid          int    the init as the shim's (host's) pid namespace sees it; 0 unless created or running
identity     str    ProcessIdentity of the init, "" when there is none
shim         str    ProcessIdentity of the shim
started      str    RFC 3339 with nanoseconds, UTC ("2026-01-31T12:00:00.123456789Z"); ZERO_TIME: never
finished     str    the same; ZERO_TIME while running for the first time
exit_code    int    0…255
oom_killed   bool   the memory cgroup counted an OOM kill since the last start
error        str    why it could not start, or ""
restarts     int    times restarted by the policy
address      str    IPv4 address inside, or ""
stopped      bool   stopped by the user (``stop``, ``kill``): "unless-stopped" stays down

Signals to the shim: SIGTERM, SIGINT, SIGHUP and SIGQUIT are ignored (a container is stopped through the socket; a
stray ``pkill python`` or a shutdown of the login session must not end it), SIGUSR1 and SIGUSR2 too; SIGCHLD is default
(children are waited for by pidfd). SIGKILL: init dies by its death signal, and the next command heals.
"""

from __future__ import annotations

from _struct import Struct

# Requests (a connection's first frame) and what an attached client sends.
START, ATTACH, WAIT, SIGNAL, EXEC, RESIZE, IN, IN_EOF = 1, 2, 3, 4, 5, 6, 7, 8
# Answers.
OK, STARTED, ERROR, OUT, ERR, EXIT = 65, 66, 67, 68, 69, 70

#: Names for messages and tests.
FRAME_NAMES = {
    START: "START", ATTACH: "ATTACH", WAIT: "WAIT", SIGNAL: "SIGNAL", EXEC: "EXEC", RESIZE: "RESIZE", IN: "IN",
    IN_EOF: "IN_EOF", OK: "OK", STARTED: "STARTED", ERROR: "ERROR", OUT: "OUT", ERR: "ERR", EXIT: "EXIT",
}  # fmt: skip

ATTACH_STDIN, ATTACH_STDOUT, ATTACH_STDERR = 1, 2, 4
#: Set by the shim itself: attached, even to no stream at all.
ATTACHED = 128
#: WAIT_NEXT: the next exit of the process; WAIT_FINAL: the exit after which no restart follows.
WAIT_NEXT, WAIT_FINAL = 0, 1
#: The signal is part of a stop by the user: the restart policy does not bring the container back.
SIGNAL_STOP = 1
EXIT_OOM_KILLED, EXIT_RESTARTING = 1, 2

ATTACH_PAYLOAD = Struct("<BHH")
RESIZE_PAYLOAD = Struct("<HH")
SIGNAL_PAYLOAD = Struct("<BB")
STARTED_PAYLOAD = Struct("<I")
EXIT_PAYLOAD = Struct("<BB")

#: Largest number of data bytes in one IN, OUT or ERR frame.
DATA_MAX = 65536
#: Largest EXEC frame: a SEQPACKET message must fit the sender's SO_SNDBUF (raised to this by both sides).
EXEC_MAX = 160 * 1024

ZERO_TIME = "0001-01-01T00:00:00Z"

LOCK, CONFIG, SHIM, STATUS, SOCK, LOG, SHIM_LOG = (
    "lock", "config.json", "shim.json", "status.json", "sock", "log.json", "shim.log",
)  # fmt: skip


def frame(kind: int, payload: bytes = b"") -> bytes:
    """Return the packet of one frame."""
    return bytes((kind,)) + payload


def error_frame(exit_code: int, message: str, hint: str = "", explain: str = "") -> bytes:
    """Return an ERROR frame; the text is cut to what a frame may hold."""
    text = "\0".join((message.replace("\0", " ")[:16000], hint.replace("\0", " ")[:4000], explain))
    return bytes((ERROR, exit_code)) + text.encode("utf-8", "surrogateescape")


def parse_error(payload: bytes) -> tuple[int, str, str, str]:
    """Return exit code, message, hint and stumbling-block id of an ERROR frame's payload."""
    message, _, rest = payload[1:].decode("utf-8", "surrogateescape").partition("\0")
    hint, _, explain = rest.partition("\0")
    return payload[0], message, hint, explain

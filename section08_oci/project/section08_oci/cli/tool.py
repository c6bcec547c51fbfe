"""The group of commands, where containers are kept, and how an error is told: to the user, and to ``--log``."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime

import click

from section01_processes import LcmError

from ..bundle import check_id
from ..defaults import OCI_VERSION
from ..errors import ContainerExists, ContainerNotFound
from . import ending, entering, looking, making


class Root:
    """The global options: where the state folders are, and where errors are logged to."""

    def __init__(self, path: str, log: str, log_format: str) -> None:
        self.path = path
        self.log = log
        self.log_format = log_format

    def folder(self, name: str) -> str:
        """Return the state folder of an existing container. Raises ContainerNotFound."""
        path = f"{self.path}/{check_id(name)}"
        if not os.path.isdir(path):
            raise ContainerNotFound(f"container {name!r} does not exist")
        return path

    def new_folder(self, name: str) -> str:
        """Make the state folder of a new container. Raises ContainerExists."""
        path = f"{self.path}/{check_id(name)}"
        os.makedirs(self.path, 0o711, exist_ok=True)
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            raise ContainerExists(f"container {name!r} exists already", hint=f"ociman delete {name}") from None
        return path

    def tell(self, message: str) -> None:
        """Append an error to the log that the caller (podman, containerd) asked for, as runc does."""
        if not self.log:
            return
        now = datetime.now(UTC).isoformat()
        line = f'time="{now}" level=error msg={json.dumps(message)}'
        if self.log_format == "json":
            line = json.dumps({"level": "error", "msg": message, "time": now})
        with open(self.log, "a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(line + "\n")


def default_root() -> str:
    """Return ``/run/ociman``, or the user's own run-time folder."""
    run = os.environ.get("XDG_RUNTIME_DIR", "")
    return "/run/ociman" if os.geteuid() == 0 or not run else f"{run}/ociman"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--root", default=default_root, metavar="DIR", help="Where containers are kept [/run/ociman].")
@click.option("--log", default="", metavar="FILE", help="Append errors to FILE, too.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="How FILE is written.")
@click.version_option(package_name="section08-oci", message=f"ociman version %(version)s\nspec: {OCI_VERSION}")
@click.pass_context
def cli(context: click.Context, root: str, log: str, log_format: str) -> None:
    """Run containers from OCI bundles (section 8)."""
    context.obj = Root(os.path.abspath(root), log, log_format)


for command in (
    making.create,
    making.start,
    making.run,
    entering.exec_command,
    ending.kill_command,
    ending.delete_command,
    looking.state_command,
    looking.list_command,
    looking.spec,
    looking.features,
):
    cli.add_command(command)


def main(args: list[str] | None = None) -> None:
    """Run the tool. An error is one line; the exit code is runc's: 1, for ``exec`` 255, for ``run`` the container's."""
    words = sys.argv[1:] if args is None else args
    context: click.Context | None = None
    try:
        with cli.make_context("ociman", list(words)) as context:
            code = cli.invoke(context)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (LcmError, OSError) as error:
        print(f"ociman: error: {error}", file=sys.stderr)
        if context is not None and isinstance(context.obj, Root):
            context.obj.tell(str(error))
        code = 255 if context is not None and context.invoked_subcommand == "exec" else 1
    except (click.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code if isinstance(code, int) else 0)

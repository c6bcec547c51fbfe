"""OCI: the runtime. Bundles, the life of a container, the start gate, hooks, exec.

The public surface of the section; names load on first use.
"""

from __future__ import annotations

from section01_processes import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .bundle import Bundle as Bundle
    from .bundle import check_id as check_id
    from .bundle import check_spec as check_spec
    from .core.state import TRANSITIONS as TRANSITIONS
    from .core.state import State as State
    from .defaults import DEFAULT_ENV as DEFAULT_ENV
    from .defaults import DEVICE_RULES as DEVICE_RULES
    from .defaults import default_mounts as default_mounts
    from .defaults import default_spec as default_spec
    from .enter import Target as Target
    from .enter import exec_process as exec_process
    from .enter import plan_exec as plan_exec
    from .errors import ContainerExists as ContainerExists
    from .errors import ContainerNotFound as ContainerNotFound
    from .errors import IllegalTransition as IllegalTransition
    from .errors import InsideError as InsideError
    from .errors import OciError as OciError
    from .errors import PeerDied as PeerDied
    from .errors import SpecError as SpecError
    from .errors import StartError as StartError
    from .hooks import run_hooks as run_hooks
    from .life import Created as Created
    from .life import abandon as abandon
    from .life import create as create
    from .life import created as created
    from .life import delete as delete
    from .life import kill as kill
    from .life import start as start
    from .life import state as state
    from .options import ExecOptions as ExecOptions
    from .options import Options as Options
    from .plans import plan_container as plan_container
    from .plans import plan_create as plan_create
    from .stumbling import STUMBLING_BLOCKS as STUMBLING_BLOCKS

_WHERE = {
    "Bundle": "bundle",
    "ContainerExists": "errors",
    "ContainerNotFound": "errors",
    "Created": "life",
    "DEFAULT_ENV": "defaults",
    "DEVICE_RULES": "defaults",
    "ExecOptions": "options",
    "IllegalTransition": "errors",
    "InsideError": "errors",
    "OciError": "errors",
    "Options": "options",
    "PeerDied": "errors",
    "STUMBLING_BLOCKS": "stumbling",
    "SpecError": "errors",
    "StartError": "errors",
    "State": "core.state",
    "TRANSITIONS": "core.state",
    "Target": "enter",
    "abandon": "life",
    "check_id": "bundle",
    "check_spec": "bundle",
    "create": "life",
    "created": "life",
    "default_mounts": "defaults",
    "default_spec": "defaults",
    "delete": "life",
    "exec_process": "enter",
    "kill": "life",
    "plan_container": "plans",
    "plan_create": "plans",
    "plan_exec": "enter",
    "run_hooks": "hooks",
    "start": "life",
    "state": "life",
}
__all__ = list(_WHERE)
__getattr__ = lazy_exports(__name__, _WHERE)

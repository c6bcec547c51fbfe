"""Namespaces: list, inspect, create, join, pin, and map ids.

The public surface of the section; names load on first use.
"""

from __future__ import annotations

from section01_processes import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.create import open_namespace as open_namespace
    from .core.create import plan_namespaces as plan_namespaces
    from .core.create import setdomainname as setdomainname
    from .core.create import sethostname as sethostname
    from .core.create import setns as setns
    from .core.create import unshare as unshare
    from .core.enter import differing_kinds as differing_kinds
    from .core.enter import plan_enter as plan_enter
    from .core.fork import fork_sibling as fork_sibling
    from .core.idmaps import IdMap as IdMap
    from .core.kinds import CLONE_NEWCGROUP as CLONE_NEWCGROUP
    from .core.kinds import CLONE_NEWIPC as CLONE_NEWIPC
    from .core.kinds import CLONE_NEWNET as CLONE_NEWNET
    from .core.kinds import CLONE_NEWNS as CLONE_NEWNS
    from .core.kinds import CLONE_NEWPID as CLONE_NEWPID
    from .core.kinds import CLONE_NEWTIME as CLONE_NEWTIME
    from .core.kinds import CLONE_NEWUSER as CLONE_NEWUSER
    from .core.kinds import CLONE_NEWUTS as CLONE_NEWUTS
    from .core.kinds import KINDS as KINDS
    from .core.kinds import NamespaceKind as NamespaceKind
    from .core.kinds import flags_of as flags_of
    from .core.kinds import kind_named as kind_named
    from .core.kinds import namespaces_of as namespaces_of
    from .errors import IdMapError as IdMapError
    from .errors import NamespaceError as NamespaceError
    from .explore.model import Found as Found
    from .explore.model import Survey as Survey
    from .explore.survey import take_survey as take_survey
    from .foreground import PASSED_ON as PASSED_ON
    from .foreground import wait_passing_on as wait_passing_on
    from .idmaps import check_id_map as check_id_map
    from .idmaps import write_id_maps as write_id_maps
    from .namespace import Namespace as Namespace
    from .pinning import pin as pin
    from .pinning import unpin as unpin
    from .pins import release_pins as release_pins
    from .place import pinned_names as pinned_names
    from .place import state_folder as state_folder
    from .stumbling import STUMBLING_BLOCKS as STUMBLING_BLOCKS
    from .targets import resolve_target as resolve_target
    from .timens import write_time_offsets as write_time_offsets
    from .userns import inside_user_namespace as inside_user_namespace
    from .userns import setgroups_denied as setgroups_denied

_WHERE = {
    "CLONE_NEWCGROUP": "core.kinds",
    "CLONE_NEWIPC": "core.kinds",
    "CLONE_NEWNET": "core.kinds",
    "CLONE_NEWNS": "core.kinds",
    "CLONE_NEWPID": "core.kinds",
    "CLONE_NEWTIME": "core.kinds",
    "CLONE_NEWUSER": "core.kinds",
    "CLONE_NEWUTS": "core.kinds",
    "Found": "explore.model",
    "IdMap": "core.idmaps",
    "IdMapError": "errors",
    "KINDS": "core.kinds",
    "Namespace": "namespace",
    "NamespaceError": "errors",
    "NamespaceKind": "core.kinds",
    "PASSED_ON": "foreground",
    "STUMBLING_BLOCKS": "stumbling",
    "check_id_map": "idmaps",
    "Survey": "explore.model",
    "differing_kinds": "core.enter",
    "flags_of": "core.kinds",
    "fork_sibling": "core.fork",
    "inside_user_namespace": "userns",
    "kind_named": "core.kinds",
    "namespaces_of": "core.kinds",
    "open_namespace": "core.create",
    "pin": "pinning",
    "pinned_names": "place",
    "plan_enter": "core.enter",
    "plan_namespaces": "core.create",
    "release_pins": "pins",
    "resolve_target": "targets",
    "setdomainname": "core.create",
    "setgroups_denied": "userns",
    "sethostname": "core.create",
    "setns": "core.create",
    "state_folder": "place",
    "take_survey": "explore.survey",
    "unpin": "pinning",
    "unshare": "core.create",
    "wait_passing_on": "foreground",
    "write_id_maps": "idmaps",
    "write_time_offsets": "timens",
}
__all__ = list(_WHERE)
__getattr__ = lazy_exports(__name__, _WHERE)

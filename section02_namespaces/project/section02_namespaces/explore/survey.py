"""The survey: one look at the machine, and what follows.

What belongs here: the order of looking, and putting together what was seen.
"""

from __future__ import annotations

from .descriptors import DescriptorLook
from .kin import ask_upwards, open_found
from .look import look_at_processes
from .model import Survey
from .mounts import read_mounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .look import Look
    from .model import Found

_TRIES = 3  # processes that are tried before a namespace's file is called gone


def take_survey(*, descriptors: bool = True, alone: bool = False) -> Survey:
    """Return every namespace that can be found from here, with what keeps it alive, its owner and its parent.

    Found are those of processes and threads, of their next children, behind descriptors, behind mounts in the mount
    namespaces that some process is in, and those above all these. Not found, because nothing shows them: what only a
    socket keeps, a descriptor under way in a message, or a mount that no process can reach. It is no snapshot: what
    changes while we look may be seen in part. Without ``descriptors`` these are not looked at, which is half of the
    work; they are looked at by a child, unless ``alone``. Raises OSError when /proc cannot be read.
    """
    survey = Survey()
    with DescriptorLook(wanted=descriptors, alone=alone) as eyes:
        look = look_at_processes(skip=(eyes.pid,))
        survey.unreadable = look.unreadable
        _note_processes(survey, look)
        _note_threads(survey, look)
        _note_mounts(survey)
        _ask(survey, list(survey.spaces.values()))
        known = set(survey.spaces)
        for pid, fd, link in eyes.take():
            survey.at(link).descriptors.append((pid, fd))
    _ask(survey, [space for inode, space in survey.spaces.items() if inode not in known])
    _note_relatives(survey)
    return survey


def survey_with(kind: str, inode: int, path: str) -> tuple[Survey, Found]:
    """Return a survey and in it the namespace of the file ``path``, which nothing else may lead to."""
    survey = take_survey()
    space = survey.at(f"{kind}:[{inode}]")
    fd = open_found([path], inode) if space.owner is None else -1
    if fd >= 0:
        ask_upwards(survey, space, fd)
    return survey, space


def _note_processes(survey: Survey, look: Look) -> None:
    """Put the processes into their namespaces, and those whose children will be elsewhere beside them."""
    for links, pids in look.groups.items():
        for name, link in zip(look.names, links, strict=True):
            if link and "_" not in name:
                survey.at(link).pids += pids
            elif link and link != links[look.names.index(name.partition("_")[0])]:
                survey.at(link).heirs += pids
    for space in survey.spaces.values():
        space.pids.sort()
        space.heirs.sort()


def _note_threads(survey: Survey, look: Look) -> None:
    """Put the threads that are elsewhere than their process where they are."""
    for pid, tid, links in look.threads:
        for link in dict.fromkeys(filter(None, links)):
            space = survey.at(link)
            if pid not in space.pids and pid not in space.heirs:
                space.threads.append((pid, tid))


def _note_mounts(survey: Survey) -> None:
    """Read the mount table of every mount namespace that a process or thread is in."""
    for view in [space for space in survey.spaces.values() if space.kind == "mnt"]:
        readers = [*view.pids[:_TRIES], *(tid for _, tid in view.threads[:_TRIES])]
        for link, path in read_mounts(readers):
            survey.at(link).mounts.append((path, view.inode))


def _ask(survey: Survey, spaces: list[Found]) -> None:
    """Ask for owner and parent of each of ``spaces``."""
    for space in spaces:
        fd = open_found(paths_of(survey, space), space.inode)
        if fd >= 0:
            ask_upwards(survey, space, fd)


def paths_of(survey: Survey, space: Found) -> Iterator[str]:
    """Yield where the file of ``space`` may be found, the surest first."""
    for pid in space.pids[:_TRIES]:
        yield f"/proc/{pid}/ns/{space.kind}"
    for pid in space.heirs[:_TRIES]:
        yield f"/proc/{pid}/ns/{space.kind}_for_children"
    for pid, tid in space.threads[:_TRIES]:
        yield f"/proc/{pid}/task/{tid}/ns/{space.kind}"
        yield f"/proc/{pid}/task/{tid}/ns/{space.kind}_for_children"
    for pid, fd in space.descriptors[:_TRIES]:
        yield f"/proc/{pid}/fd/{fd}"
    for path, inode in space.mounts:
        view = survey.spaces[inode]
        for reader in [*view.pids[:1], *(tid for _, tid in view.threads[:1])]:
            yield f"/proc/{reader}/root{path}"


def _note_relatives(survey: Survey) -> None:
    """Tell each namespace whom it is parent and owner of."""
    for space in survey:
        if space.parent in survey.spaces:
            survey.spaces[space.parent].children.append(space.inode)
        if space.kind != "user" and space.owner in survey.spaces:
            survey.spaces[space.owner].owned.append(space.inode)

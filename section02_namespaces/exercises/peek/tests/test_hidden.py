"""Once more, with other shapes: where children will be, kinds of another kernel, processes that have gone."""

import os

from courseware.exercises import points


def process(box, pid, links):
    """Make the folder of a process with these links, in a folder that looks like a proc file system."""
    folder = box.folder / "other" / str(pid) / "ns"
    folder.mkdir(parents=True)
    for name, (kind, inode) in links.items():
        os.symlink(f"{kind}:[{inode}]", folder / name)


def told_of(box, pids):
    """Return what peek says of `pids` in that folder."""
    ran = box.run("other", stdin="".join(f"{pid}\n" for pid in pids).encode())
    assert ran.code == 0, f"exit status 0 was expected, peek ended with {ran.how}"
    return ran.json()


@points(1, part="namespaces", explain="LCM-NS-02")
def test_the_next_child_in_a_namespace_of_time(box, nonce):
    first, second, here = nonce.integer(2, 99), nonce.integer(100, 999), nonce.integer(4026531834, 4026540000)
    below = here + nonce.integer(1, 1000)
    process(box, first, {"time": ("time", here), "time_for_children": ("time", below)})
    process(box, second, {"time": ("time", below), "time_for_children": ("time", below)})
    told, wanted = told_of(box, [first, second]), {"time": {str(here): [first], str(below): [second]}}
    assert told == wanted, (
        f"process {first} has called unshare(CLONE_NEWTIME): its next child will be in {below}, it stays in {here}. "
        f"Expected {wanted}, and this was told: {told}"
    )


@points(1, part="groups", explain="LCM-NS-03")
def test_one_that_is_there_and_many_that_have_gone(box, nonce):
    here, gone = sorted(nonce.shuffled(range(2, 500))[:1]), sorted(nonce.shuffled(range(500, 999))[:5])
    kind, inode = nonce.word(5), nonce.integer(4026531834, 4026540000)
    for pid in here:
        process(box, pid, {kind: (kind, inode)})
    told = told_of(box, nonce.shuffled([*here, *gone]))
    wanted = {kind: {str(inode): here}, "unknown": {"": gone}}
    assert told == wanted, (
        f"below PROC the processes {here} have one kind of namespace, {kind}, and {gone} are not there. "
        f"Expected {wanted}, and this was told: {told}"
    )

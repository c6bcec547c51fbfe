"""What the plans contain, and in which order."""

from section01_processes import Slot
from section02_namespaces import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    plan_enter,
    plan_namespaces,
)


def calls(steps):
    return [(step.act.__name__, *step.args) for step in steps]


def test_new_namespaces_take_one_unshare():
    assert calls(plan_namespaces(CLONE_NEWNS | CLONE_NEWPID)) == [("unshare", CLONE_NEWNS | CLONE_NEWPID)]


def test_a_new_user_namespace_comes_alone_and_before_the_others():
    assert calls(plan_namespaces(CLONE_NEWUSER | CLONE_NEWNET)) == [
        ("unshare", CLONE_NEWUSER),
        ("unshare", CLONE_NEWNET),
    ]


def test_all_files_are_opened_before_anything_is_joined_and_user_is_joined_first():
    steps = plan_namespaces(CLONE_NEWPID, [("mount", "/m"), ("network", "/n"), ("user", "/u")])
    names = [name for name, *_ in calls(steps)]
    assert names == ["open_namespace"] * 3 + ["setns"] * 3 + ["unshare"]
    assert [step.args[1] for step in steps[3:6]] == [CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWNS]
    assert [step.out.name for step in steps[:3]] == [step.args[0].name for step in steps[3:6]]


def test_nothing_wanted_is_nothing_to_do():
    assert plan_namespaces(0) == []
    assert plan_enter(3, []) == []


def test_a_pidfd_is_joined_by_one_call():
    pidfd = Slot("pidfd")
    assert calls(plan_enter(pidfd, ["pid", "mount"])) == [("setns_pidfd", pidfd, CLONE_NEWPID | CLONE_NEWNS)]

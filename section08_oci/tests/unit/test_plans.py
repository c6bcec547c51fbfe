"""Plans are pure, complete and in the right order."""

import os

import pytest

from section01_processes import describe_plan
from section03_cgroups import Hierarchy
from section08_oci import Bundle, Options, SpecError, check_id, check_spec, default_spec, plan_container

HIERARCHY = Hierarchy(
    "v2", dict.fromkeys(("cpu", "memory", "pids", "io", "cpuset"), "/sys/fs/cgroup"), "/sys/fs/cgroup"
)


def plans(spec=None, **rest):
    options = Options("web", "/run/web", hierarchy=HIERARCHY, in_userns=False, **rest)
    return plan_container(Bundle("/bundle", spec or default_spec()), options)


def names(plan):
    return [step.act.__name__ for step in plan.steps]


def test_the_same_config_gives_the_same_plans_and_nothing_is_touched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, other = plans(), plans()
    assert {n: describe_plan(p) for n, p in one.items()} == {n: describe_plan(p) for n, p in other.items()}
    assert list(one) == ["shim", "child", "init"]
    assert os.listdir(tmp_path) == []


def test_every_step_is_an_action_with_a_manual_page_and_says_what_it_is_about():
    for plan in plans().values():
        for step in plan.steps:
            assert getattr(step.act, "man", ""), step.act
            assert step.about, step.act


@pytest.mark.parametrize("nnp", [False, True])
def test_the_filter_loads_before_capabilities_drop_unless_no_new_privileges(nnp):
    spec = default_spec()
    spec["process"]["noNewPrivileges"] = nnp
    spec["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"]}
    init = names(plans(spec)["init"])
    assert init.count("load_filter") == 1
    assert (init.index("load_filter") < init.index("set_capabilities")) is not nnp
    assert ("set_no_new_privileges" in init) is nnp
    if nnp:
        assert init[-2:] == ["load_filter", "execute"]


def test_the_order_of_the_init():
    order = ["lead_session", "drop_bounding", "pivot_root", "place_stdio", "become_user", "set_capabilities"]
    order += ["enter_cwd", "die_with", "tell", "wait_at_gate", "leave_nothing", "execute"]
    init = names(plans(die_with_parent=True)["init"])
    last = {name: max(i for i, n in enumerate(init) if n == name) for name in order}
    assert [name for name, _ in sorted(last.items(), key=lambda pair: pair[1])][:5] == order[:5]
    assert last["become_user"] < last["set_capabilities"] < last["enter_cwd"] < last["die_with"] < last["wait_at_gate"]
    assert init[-1] == "execute"


def test_the_cgroup_is_entered_before_its_namespace_is_made():
    child = names(plans()["child"])
    assert child.index("enter_cgroup") < child.index("unshare") < child.index("fork_init")
    assert child.index("become_undumpable") < child.index("unshare")


def test_the_callers_own_steps_come_when_the_namespaces_exist():
    from section01_processes import Step

    def network():
        pass

    shim = names(plans(between=[Step(network)])["shim"])
    assert shim.index("take_namespace") < shim.index("network") < shim.index("record_created")


def test_a_new_user_namespace_is_mapped_by_the_runtime():
    spec = default_spec()
    spec["linux"]["namespaces"].append({"type": "user"})
    spec["linux"]["uidMappings"] = spec["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 9, "size": 1}]
    found = plans(spec)
    assert "map_child" in names(found["shim"])
    child = names(found["child"])
    assert child.index("become_root_inside") < max(i for i, n in enumerate(child) if n == "unshare")


def broken(change):
    spec = default_spec()
    change(spec)
    return spec


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda s: s.update(ociVersion="2.0"), "not supported"),
        (lambda s: s["process"].update(args=[]), "process.args"),
        (lambda s: s["process"].update(cwd="tmp"), "absolute"),
        (lambda s: s["mounts"][0].update(destination="proc"), "absolute"),
        (lambda s: s["linux"]["namespaces"].append({"type": "pid"}), "twice"),
        (lambda s: s["linux"]["namespaces"].append({"type": "moon"}), "moon"),
        (lambda s: s["linux"]["namespaces"].append({"type": "user"}), "uidMappings"),
        (lambda s: s["linux"].update(sysctl={"kernel.panic": "1"}), "would change the host"),
        (lambda s: s["linux"].update(sysctl={"net.x": "1"}, namespaces=[{"type": "mount"}]), "needs a net namespace"),
        (lambda s: s["linux"].update(sysctl={"net/../kernel/panic": "1"}), "not a sysctl"),
        (lambda s: s.pop("root"), "root.path"),
    ],
)
def test_a_config_that_cannot_work_is_refused(change, text):
    with pytest.raises(SpecError, match=text):
        check_spec(broken(change))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "é", "x" * 256])
def test_an_id_that_cannot_be_a_folder_is_refused(name):
    with pytest.raises(SpecError):
        check_id(name)

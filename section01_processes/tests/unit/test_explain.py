import os
import resource as k

from section01_processes import (
    Plan,
    Recorder,
    Slot,
    Step,
    action,
    describe_plan,
    describe_step,
    explain_lines,
    explain_records,
    read_records,
    set_subreaper,
)
from section01_processes.explain import with_execve

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_SPECIAL = 1, 2, 4, 6
KIND_NET = 0x40


@action("mount(2)", flags="MS_")
def mount(source, target, flags):
    pass


@action("setns(2)", flags="kind:KIND_ flags:MS_")
def join(fd, kind, flags):
    pass


@action("getrlimit(2)", flags="limit:k.RLIMIT_ flags:MS_")
def look_up(limit, flags):
    pass


@action("execve(2)")
def execute(path, env):
    pass


def test_flags_are_named_by_the_constants_of_the_actions_module():
    assert describe_step(Step(mount, "proc", "/proc", 3)) == "mount('proc', '/proc', flags=MS_NOSUID|MS_RDONLY)"
    assert describe_step(Step(mount, "proc", "/proc", 6)).endswith("flags=MS_SPECIAL)")
    assert describe_step(Step(mount, "proc", "/proc", 0x101)).endswith("flags=MS_RDONLY|0x100)")
    assert describe_step(Step(mount, "proc", "/proc", 0)).endswith("flags=0)")
    assert describe_step(Step(join, 3, 0x40, 1)) == "join(3, kind=KIND_NET, flags=MS_RDONLY)"


def test_flags_are_named_by_the_constants_of_a_module_that_the_actions_module_has_imported():
    assert describe_step(Step(look_up, k.RLIMIT_NOFILE, 3)) == "look_up(limit=RLIMIT_NOFILE, flags=MS_NOSUID|MS_RDONLY)"


def test_a_slot_is_shown_by_its_text_until_it_has_a_value():
    step = Step(mount, Slot("address", "address from 10.0.0.0/8"), "/x", 0, out=Slot("fd"))
    assert describe_step(step) == "mount(<address from 10.0.0.0/8>, '/x', flags=0) -> <fd>"
    assert describe_step(step, {"address": "10.0.0.2"}).startswith("mount('10.0.0.2', ")


def test_values_of_the_environment_are_secrets():
    for env in ((b"TOKEN=s3cret", b"A=b"), {"TOKEN": "s3cret", "A": "b"}, ["TOKEN=s3cret", "A=b"]):
        assert describe_step(Step(execute, b"/bin/sh", env)) == "execute('/bin/sh', env={TOKEN, A})"


def test_secrets_inside_a_specification_stay_secret():
    text = describe_step(
        Step(mount, {"env": ["TOKEN=s3cret"], "args": [b"sh", "-c"]}, ({"environ": {"A": "s3cret"}},), 0)
    )
    assert "s3cret" not in text
    assert "{'env': {TOKEN}, 'args': ['sh', '-c']}" in text


def test_objects_say_what_they_are():
    class Handle:
        pass

    class Config(dict):
        def __repr__(self):
            return "<config.json>"

    assert describe_step(Step(mount, Config(a=1), [Config()], 0)) == "mount(<config.json>, [<config.json>], flags=0)"
    assert describe_step(Step(mount, Handle(), mount, 0)) == "mount(<Handle>, mount, flags=0)"


def test_long_ids_are_cut_in_lines_and_whole_in_dictionaries():
    plan = Plan("init", [Step(mount, "/c/" + "0123456789abcdef" * 4, "/x", 0)])
    assert describe_plan(plan)[0].startswith("init  0  mount('/c/0123456789ab…', '/x'")
    assert "0123456789abcdef" * 4 in explain_records([plan], [(3, 0, 0, 0, 0)])[0]["call"]


def test_an_unmarked_action_has_the_man_page_that_its_docstring_names():
    facts = explain_records([Plan("shim", [Step(set_subreaper)])], [(1, 0, 0, 0, 0)])[0]
    assert (facts["section"], facts["man"]) == ("§1", "PR_SET_CHILD_SUBREAPER(2const)")


def test_long_and_binary_arguments_stay_readable():
    assert describe_step(Step(execute, bytes(500), ())) == "execute(<500 bytes>, env={})"
    assert len(describe_step(Step(execute, "x" * 1000, ()))) < 200


def test_a_dry_run_names_the_man_page():
    lines = describe_plan(Plan("init", [Step(mount, "proc", "/proc", 0, about="a fresh /proc")]))
    assert lines[0].startswith("init  0  mount(")
    assert "a fresh /proc" in lines[0]
    assert lines[0].endswith("mount(2)]")


def test_records_are_explained_as_they_come():
    plan = Plan("child", [Step(mount, "a", "b", 1), Step(execute, "/bin/sh", ())])
    reader, writer = os.pipe()
    plan.run({}, Recorder(writer, "child"))
    live = explain_lines([plan], read_records(reader))
    assert "flags=MS_RDONLY" in next(live)  # the writer is still open: nothing waited for the end
    os.close(writer)
    rest = list(live)
    assert len(rest) == 1
    assert "execve(2)" in rest[0]
    os.close(reader)


def test_records_as_dictionaries_tell_failures_and_sections():
    plan = Plan("child", [Step(mount, "a", "b", 1)])
    plan.steps[0].act.__module__, before = "section04_filesystem.core.mounts", mount.__module__
    try:
        facts = explain_records({"child": plan}, [(2, 0, 1, 5, 2_000_000), (3, 9, 0, 5, 1)])
    finally:
        mount.__module__ = before
    assert facts[0]["section"] == "§4"
    assert facts[0]["error"] == "Operation not permitted"
    assert facts[0]["milliseconds"] == 2.0
    assert facts[1]["process"] == "init"
    assert facts[1]["call"] == "?"


def test_the_execve_that_nobody_can_record_is_told_when_the_step_before_it_succeeded():
    plan = Plan("child", [Step(mount, "a", "b", 1), Step(mount, "c", "d", 1), Step(execute, "/bin/sh", ())])
    good = [(2, 0, 0, 10, 5), (2, 1, 0, 20, 7)]
    assert list(with_execve(plan, good)) == [*good, (2, 2, 0, 27, 0)]


def test_an_execve_that_failed_or_was_not_reached_is_not_told_as_done():
    plan = Plan("child", [Step(mount, "a", "b", 1), Step(mount, "c", "d", 1), Step(execute, "/bin/sh", ())])
    for records in ([], [(2, 0, 0, 10, 5)], [(2, 0, 0, 10, 5), (2, 1, 13, 20, 7)],
                    [(2, 0, 0, 10, 5), (2, 1, 0, 20, 7), (2, 2, 2, 30, 1)]):  # fmt: skip
        assert list(with_execve(plan, records)) == records


def test_the_only_plan_that_ends_in_execve_is_told_to_its_end():
    plan = Plan("child", [Step(mount, "a", "b", 1), Step(execute, "/bin/sh", ())])
    lines = list(explain_lines([plan], [(2, 0, 0, 10, 5)]))
    assert [line.split("ms")[1].split("(")[0].strip() for line in lines] == ["mount", "execute"]
    assert "0.000 ms" in lines[1]
    others = Plan("init", [Step(mount, "a", "b", 1)])
    assert len(list(explain_lines([plan, others], [(2, 0, 0, 10, 5)]))) == 1  # the pipe is not this process's alone
    assert len(list(explain_lines([others], [(3, 0, 0, 10, 5)]))) == 1


@action("runtime.md#state")
def record_state():
    pass


def test_a_chapter_of_a_specification_is_told_with_the_specifications_name():
    facts = explain_records([Plan("shim", [Step(record_state)])], [(1, 0, 0, 0, 0)])[0]
    assert facts["man"] == "OCI runtime-spec runtime.md#state"

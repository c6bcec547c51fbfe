import os

import pytest

from section01_processes import PROCESSES, RECORD, Plan, Recorder, Slot, Step, action, spawn


@action("open(2)")
def make(path, content):
    with open(path, "w") as file:
        file.write(content)
    return len(content)


@action("close(2)")
def refuse():
    raise OSError(28, "No space left on device")


def records(fd):
    data = os.read(fd, 4096)
    return list(RECORD.iter_unpack(data))


def test_values_flow_through_slots(tmp_path):
    size, copy = Slot("size"), []
    plan = Plan("shim", [Step(make, str(tmp_path / "a"), "four", out=size), Step(copy.append, size)])
    assert plan.run({}) == {"size": 4}
    assert copy == [4]


def test_the_first_error_ends_the_plan_and_is_noted(tmp_path):
    plan = Plan("child", [Step(make, str(tmp_path / "a"), ""), Step(refuse, about="disk"), Step(make, "b", "")])
    with pytest.raises(OSError, match="No space") as caught:
        plan.run({})
    assert caught.value.__notes__ == ["while child did step 1: disk"]
    assert os.listdir(tmp_path) == ["a"]


def test_records_say_process_step_errno_and_time(tmp_path):
    reader, writer = os.pipe()
    plan = Plan("init", [Step(make, str(tmp_path / "a"), ""), Step(refuse)])
    with pytest.raises(OSError, match="No space"):
        plan.run({}, Recorder(writer, "init"))
    (process, step, errno, began, took), second = records(reader)
    assert (PROCESSES[process], step, errno) == ("init", 0, 0)
    assert began > 0 < took
    assert second[1:3] == (1, 28)
    os.close(reader)
    os.close(writer)


@pytest.mark.needs("kernel")
def test_crash_kills_after_the_call_and_before_its_record(tmp_path):
    reader, writer = os.pipe()
    plan = Plan("child", [Step(make, str(tmp_path / name), "") for name in "abc"])
    with spawn(lambda: plan.run({}, Recorder(writer, "child", "child:1")) and 0) as child:
        assert child.wait() == 128 + 9
    os.close(writer)
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    assert [record[1] for record in records(reader)] == [0]
    os.close(reader)


def test_crash_of_another_process_is_not_ours(tmp_path):
    Plan("child", [Step(make, str(tmp_path / "a"), "")]).run({}, Recorder(-1, "child", "init:0"))
    assert os.listdir(tmp_path) == ["a"]


def test_a_reader_that_went_away_does_not_stop_the_plan(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    Plan("child", [Step(make, str(tmp_path / name), "") for name in "ab"]).run({}, Recorder(writer, "child"))
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
    os.close(writer)

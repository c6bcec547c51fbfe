"""Steps in short: groups, words, widths."""

import pytest

from courseware.telling import cut, short_lines


def step(process, number, section, call, about="", **more):
    return {"process": process, "step": number, "section": section, "call": call, "about": about,
            "milliseconds": 1.5, "error": "", **more}  # fmt: skip


STEPS = [
    step("shim", 0, "minidocker", "hold_lock(-1)", "the lock"),
    step("shim", 1, "§3", "write_setting('1' → a)", "memory.max = 1"),
    step("shim", 2, "§3", "write_setting('2' → b)", "pids.max = 2"),
    step("shim", 3, "§3", "apply_devices([])", "12 device rules"),
    step("child", 0, "§3", "enter_cgroup()", "join " + "0123456789abcdef" * 4),
    step("shim", 4, "§3", "sweep()"),
]


def test_consecutive_steps_of_one_section_of_one_process_share_a_line():
    assert short_lines(STEPS, 100) == [
        "shim      0     1.50 ms  MD  hold_lock: the lock",
        "shim    1–3     4.50 ms  §3  write_setting: memory.max = 1 (and 1 more), apply_devices: 12 device r…",
        "child     0     1.50 ms  §3  enter_cgroup: join 0123456789ab…",
        "shim      4     1.50 ms  §3  sweep",
    ]


def test_a_plan_has_no_times():
    plan = [{key: value for key, value in one.items() if key != "milliseconds"} for one in STEPS[:1]]
    assert short_lines(plan, 100) == ["shim      0  MD  hold_lock: the lock"]


def test_many_steps_on_one_line_keep_their_last_actions_which_matter_most():
    names = ["bind_root", *["mask_path"] * 9, "make_device", "make_links", "change_mount", "pivot_root", "finish"]
    group = [step("init", number, "§4", f"{name}()", "words") for number, name in enumerate(names)]
    begin = "init   0–14    22.50 ms  §4  "
    assert short_lines(group, 140) == [
        begin + "bind_root, mask_path ×9, make_device, make_links, change_mount, pivot_root, finish"
    ]
    assert short_lines(group, 80) == [begin + "bind_root, mask_path ×9, …, pivot_root, finish"]


def test_an_error_is_told_before_what_may_be_cut_off():
    failed = [*STEPS[1:3], step("shim", 3, "§3", "apply_devices([])", "12 device rules", error="Permission denied")]
    assert "§3  !! 12 device rules: Permission denied" in short_lines(failed, 80)[0]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_no_line_is_wider_than_asked(width):
    lines = short_lines(STEPS, width)
    assert max(map(len, lines)) <= width
    assert all(line.endswith("…") for line in lines if len(line) == width)


def test_the_terminals_width_counts_and_100_where_there_is_none(monkeypatch):
    long = [step("init", 0, "§4", "mount()", "x" * 300)]
    monkeypatch.setenv("COLUMNS", "70")
    assert len(short_lines(long)[0]) == 70
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr("sys.__stdout__", None)
    assert len(short_lines(long)[0]) == 100


def test_what_fits_is_not_cut():
    assert (cut("abc", 3), cut("abcd", 3), cut("ab cd", 4)) == ("abc", "ab…", "ab…")

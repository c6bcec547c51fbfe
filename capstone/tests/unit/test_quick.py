"""The quick lane reads a command line as click does, or leaves it to click."""

from __future__ import annotations

from itertools import chain

import click
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minidocker.cli._click import minidocker
from minidocker.cli._flags import GLOBAL, SPECS, parameter
from minidocker.cli._quick import quick

JUNK = (
    "",
    "-",
    "--",
    "---",
    "-Z",
    "--nope",
    "--help",
    "--version",
    "-it",
    "--name=",
    "=",
    "-=x",
    "img",
    "1",
    "-1",
    "é ",
)
VALUES = ("x", "", "-", "--", "--rm", "-i", "5", " 7 ", "1_0", "a=b", "img", "\udcff")


def by_click(words):
    """Return command, --root and parameters as click parses them. Raises what click raises."""
    with minidocker.make_context("minidocker", list(words)) as context:
        if not context._protected_args:
            raise click.UsageError("no command")
        name, command, rest = minidocker.resolve_command(context, [*context._protected_args, *context.args])
        with command.make_context(name, rest, parent=context) as inner:
            return name, context.params["root"], inner.params


def spellings(flags):
    """Return a strategy for one flag, written in one of the ways that it can be written (or just cannot)."""
    switches = [(s, takes) for names, takes, *_ in flags for s in names.replace("/", " ").split() if s[0] == "-"]
    letters = "".join(s[1] for s, _ in switches if len(s) == 2)

    def write(switch, value, form):
        return {
            "bare": [switch],
            "next": [switch, value],
            "equals": [f"{switch}={value}"],
            "glued": [switch + value],
            "short": [switch[:-1]],
        }[form]

    by_form = st.tuples(
        st.sampled_from(switches or [("--x", "")]).map(lambda pair: pair[0]),
        st.sampled_from(VALUES),
        st.sampled_from(["bare", "next", "next", "equals", "glued", "short"]),
    ).map(lambda made: write(*made))
    proper = st.sampled_from(switches or [("--", "")]).flatmap(
        lambda pair: st.sampled_from(VALUES).map(lambda value: [pair[0], value] if pair[1] else [pair[0]])
    )
    cluster = st.text(letters or "x", min_size=1, max_size=4).map(lambda text: ["-" + text])
    return st.one_of(proper, by_form, cluster, st.sampled_from(JUNK).map(lambda word: [word]))


@st.composite
def lines(draw):
    """Draw a command line: right, nearly right, or wrong."""
    name = draw(st.sampled_from(sorted(SPECS)))
    before = draw(st.lists(spellings(GLOBAL), max_size=1))
    flags = draw(st.lists(spellings(SPECS[name][0]), max_size=5))
    rest = draw(st.lists(st.sampled_from(("img", "box", "true", "-c", "--rm", "--", "")), max_size=3))
    return [*chain(*before), name, *chain(*flags), *rest]


@given(lines())
@example(["run", "--explain=-x", "img"])
@example(["run", "--explain", "img"])
@example(["run", "--explain=", "img"])
@example(["run", "--name", "--explain", "--explain", "img"])
@example(["--root", "a", "--root=b", "--", "run", "--", "img", "--rm"])
def test_the_quick_lane_agrees_with_click_or_declines(words):
    try:
        theirs = by_click(words)
    except (click.ClickException, click.exceptions.Exit):
        theirs = None
    assert quick(words) in (None, theirs)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_every_flag_of_the_table_is_taken_in_each_spelling(name):
    flags, arguments, _ = SPECS[name]
    words = ["x"] * len(arguments)
    for names, takes, *_ in flags:
        for switch in (s for s in names.replace("/", " ").split() if s[0] == "-"):
            glue = "" if len(switch) == 2 else "="
            forms = [[switch, "5"], [f"{switch}{glue}5"]] if takes else [[switch]]
            for form in [[switch], [f"{switch}=5"]] if takes[:1] == "[" else forms:
                asked = quick([name, *form, *words])
                assert asked is not None, form
                assert asked == by_click([name, *form, *words])
                assert parameter(names) in asked[2]


@pytest.mark.parametrize(
    "words",
    [
        [], ["run"], ["exec", "box"], ["--debug", "ps"], ["run", "--help"], ["--version"], ["run", "--nam", "x", "img"],
        ["stop", "-t", "soon", "box"], ["ps", "extra"], ["run", "--rm=1", "img"], ["rm"],
        ["images"], ["nope"], ["run", "--name"],
    ],
)  # fmt: skip
def test_the_unusual_is_left_to_click(words):
    assert quick(words) is None


def test_shell_completion_is_left_to_click(monkeypatch):
    assert quick(["ps"]) is not None
    monkeypatch.setenv("_MINIDOCKER_COMPLETE", "bash_complete")
    assert quick(["ps"]) is None

"""What the site adds to plain Markdown: ids lead to the error index, quizzes fold, hints fold, secrets stay out."""

import pytest

from courseware.explain import Block, Term
from courseware.pages.folds import close_folds
from courseware.pages.links import BrokenLinkError, Links, fenced
from courseware.pages.lookups import errors_page, glossary_page
from courseware.pages.prose import Site, escape, pieces
from courseware.pages.surfaces import exports

IDS = {"LCM-PROC-06", "LCM-FS-01"}


@pytest.fixture
def site(tmp_path):
    clone = tmp_path / "clone"
    for name in (
        "solution/a.py",
        "debrief.md",
        "tests/test_hidden.py",
        "tests/test_public.py",
        "README.md",
        "shape.svg",
    ):
        path = clone / "section01_x" / "exercises" / "one" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    pages = {"section01_x/exercises/one/README.md": "exercises/x-one.md", "docs/a/page.md": "a/page.md"}
    return Site(Links(str(clone), str(tmp_path / "site"), pages), IDS, {2: "section02_y.md"})


def staged(site, text, source="docs/a/page.md", page="a/page.md"):
    return site.rewrite(source, text, page)


@pytest.mark.parametrize(("text", "wanted"), [
    ("see LCM-PROC-06.", "see [LCM-PROC-06](../errors.md#lcm-proc-06)."),
    ("`LCM-FS-01`", "[`LCM-FS-01`](../errors.md#lcm-fs-01)"),
    ("`./course explain LCM-FS-01`", "`./course explain LCM-FS-01`"),
    ("[LCM-FS-01](#here)", "[LCM-FS-01](#here)"),
    ("[the `a]b` LCM-FS-01](https://example.invalid/)", "[the `a]b` LCM-FS-01](https://example.invalid/)"),
    ("## LCM-FS-01\n\nLCM-FS-01", "## LCM-FS-01\n\n[LCM-FS-01](../errors.md#lcm-fs-01)"),
    ("```text\nLCM-FS-01 [a](b)\n```\n", "```text\nLCM-FS-01 [a](b)\n```\n"),
    ("<!-- LCM-FS-01 -->", "<!-- LCM-FS-01 -->"),
    ("mounts (later: §2) and (later: §9)", "mounts (later: [§2](../section02_y.md)) and (later: §9)"),
    ("*no root*\n\n```console\n$ ls\n```\n", "*no root*{ .badge }\n\n```console\n$ ls\n```\n"),
    ("an *no root* inside", "an *no root* inside"),
    ("<!-- quote a.py:f -->\n```python\nx\n```\n", '<!-- quote a.py:f -->\n```python title="a.py: f"\nx\n```\n'),
])  # fmt: skip
def test_prose_is_rewritten_and_code_is_not(site, text, wanted):
    assert staged(site, text) == wanted


def test_an_id_that_nobody_owns_ends_the_build(site):
    with pytest.raises(BrokenLinkError, match=r"docs/a/page.md: LCM-FS-99 is no stumbling block"):
        staged(site, "LCM-FS-99")


@pytest.mark.parametrize("secret", ["solution/a.py", "solution", "debrief.md", "tests/test_hidden.py"])
def test_no_page_may_link_to_what_learners_must_not_see(site, secret):
    with pytest.raises(BrokenLinkError, match="learners must not see"):
        staged(site, f"[x](../../section01_x/exercises/one/{secret})")


def test_other_files_and_exercises_may_be_linked(site, tmp_path):
    text = staged(
        site, "[t](../../section01_x/exercises/one/tests/test_public.py) [e](../../section01_x/exercises/one)"
    )
    assert text == "[t](../source/section01_x-exercises-one-tests-test_public.py.md) [e](../exercises/x-one.md)"
    assert "exclude: true" in (tmp_path / "site/source/section01_x-exercises-one-tests-test_public.py.md").read_text()


@pytest.mark.parametrize(("text", "reason"), [
    ("![](../../section01_x/exercises/one/shape.svg)", "no alternative text"),
    ("![a shape](https://example.invalid/shape.svg)", "fetched from elsewhere"),
    ("![a shape](nowhere.svg)", "not in the repository"),
    ("[out](../../../outside)", "not in the repository"),
])  # fmt: skip
def test_bad_images_and_links_end_the_build(site, tmp_path, text, reason):
    (tmp_path / "outside").write_text("x")
    with pytest.raises(BrokenLinkError, match=reason):
        staged(site, text)


def test_an_image_is_copied(site, tmp_path):
    text = staged(site, "![a shape](../../section01_x/exercises/one/shape.svg)")
    assert text == "![a shape](../assets/img/section01_x-exercises-one-shape.svg)"
    assert (tmp_path / "site/assets/img/section01_x-exercises-one-shape.svg").read_text() == "x"


def test_fences_inside_fences_are_one_piece():
    text = "a\n````md\n```\nb\n```\n````\nc\n"
    assert [p for p in pieces(text) if p[1]] == [(False, "a\n"), (True, "````md\n```\nb\n```\n````\n"), (False, "c\n")]


def test_a_shown_file_cannot_close_its_own_block():
    assert fenced("a\n````\nb\n", "notes.md").startswith("`````text\n")


def test_a_folded_part_becomes_a_closed_block():
    text = 'Which?\n\n<details><summary>Say "why"</summary>\n\n- **a** · no\n\n```sh\nls\n```\n\n</details>\n\nAfter'
    assert close_folds(text).split("\n") == [
        "Which?", "", "??? question \"Say 'why'\"", "", "    - **a** · no", "", "    ```sh", "    ls", "    ```", "",
        "After",
    ]  # fmt: skip


def test_an_open_fold_is_left_as_it_is():
    assert close_folds("<details><summary>x</summary>\n\nno end") == "<details><summary>x</summary>\n\nno end"


def test_the_error_index_groups_by_section_and_escapes():
    blocks = [Block("LCM-ENV-01", 0, "sudo: x", "a", "b", "sudo(8)"),
              Block("LCM-PROC-06", 1, "shown as <defunct> *", "see LCM-ENV-01", "wait", "https://example.invalid/",
                    "not verified here: no such machine")]  # fmt: skip
    text = errors_page(blocks, {1: "section01_x.md"})
    assert text.index("## Your machine") < text.index("## Section 1")
    assert "### LCM-PROC-06 · shown as &lt;defunct&gt; \\* { #lcm-proc-06 }" in text
    assert "see [LCM-ENV-01](#lcm-env-01)" in text
    assert "<https://example.invalid/> · [section 1](section01_x.md)" in text
    assert "*not verified here: no such machine*" in text


def test_the_glossary_is_sorted_whatever_the_case():
    terms = [Term("zombie", "dead", 1, ("wait(2)",), ("zombies",)), Term("PID 1", "first", 9), Term("exec", "new", 1)]
    text = glossary_page(terms, {1: "section01_x.md"})
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## exec { #term-exec }", "## PID 1 { #term-pid-1 }", "## zombie { #term-zombie }",
    ]  # fmt: skip
    assert "*introduced in [section 1](section01_x.md) · read wait(2) · also: zombies*" in text
    assert "*introduced in section 9*" in text


def test_plain_text_stays_as_it_is_but_for_its_code():
    assert escape("a_b `c_d` [x] & <y>") == "a\\_b `c_d` \\[x\\] &amp; &lt;y&gt;"


def test_exports_are_read_from_the_source():
    where = '_WHERE = {"spawn": "core.spawn", "STUMBLING_BLOCKS": "stumbling"}'
    assert exports(f'{where}\n__all__ = ["lazy"]\n__all__ += list(_WHERE)\n') == {"lazy": "", "spawn": "core.spawn"}
    assert exports('_WHERE = {"b": "x"}\n__all__ = ["a", "b"]\n') == {"a": "", "b": "x"}

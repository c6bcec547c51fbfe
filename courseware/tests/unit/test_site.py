"""Staging the site: links are rewritten, and a broken one ends the build."""

import pytest

from courseware import site


@pytest.fixture
def clone(tmp_path):
    for folder in ("section01_x", "capstone", "courseware", "docs/adr"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("section01_x", "capstone", "courseware"):
        (tmp_path / folder / "README.md").write_text(f"# {folder}\n")
    for name in ("README.md", "SAFETY.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "section01_x" / "code.py").write_text("print('hello')\n")
    return tmp_path


def test_a_link_to_a_readme_becomes_a_link_to_its_page(clone):
    (clone / "README.md").write_text(
        "[one](section01_x/README.md) [folder](section01_x) [web](https://example.invalid/)"
    )
    staged = site.stage(str(clone))
    text = (clone / ".course" / "site" / "index.md").read_text()
    assert staged == str(clone / ".course" / "site")
    assert text == "[one](section01_x.md) [folder](section01_x.md) [web](https://example.invalid/)"


def test_a_link_to_code_becomes_a_page_that_shows_it(clone):
    (clone / "section01_x" / "README.md").write_text("[code](code.py)")
    site.stage(str(clone))
    assert (clone / ".course/site/section01_x.md").read_text() == "[code](source/section01_x-code.py.md)"
    assert "print('hello')" in (clone / ".course/site/source/section01_x-code.py.md").read_text()


def test_a_broken_link_names_page_and_target(clone):
    (clone / "capstone" / "README.md").write_text("[gone](nowhere.md)")
    with pytest.raises(site.BrokenLinkError, match=r"capstone/README.md: link to nowhere.md"):
        site.stage(str(clone))

"""Image names resolve as Docker's do."""

import pytest

from section05_images import BadReference, familiar_name, normalize

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("tiny", "docker.io/library/tiny:latest"),
        ("tiny:1.2", "docker.io/library/tiny:1.2"),
        ("me/tiny", "docker.io/me/tiny:latest"),
        ("index.docker.io/library/tiny", "docker.io/library/tiny:latest"),
        ("docker.io/tiny", "docker.io/library/tiny:latest"),
        ("localhost/tiny", "localhost/tiny:latest"),
        ("localhost:5000/a/b__c.d-e:T_1", "localhost:5000/a/b__c.d-e:T_1"),
        ("ghcr.io/a/b---c", "ghcr.io/a/b---c:latest"),
        ("tiny@sha256:" + HEX, "docker.io/library/tiny@sha256:" + HEX),
        ("tiny:1@sha256:" + HEX, "docker.io/library/tiny@sha256:" + HEX),
    ],
)
def test_a_short_name_has_one_full_form(short, full):
    assert normalize(short) == full
    assert normalize(full) == full


@pytest.mark.parametrize(
    "bad", ["", "Tiny", "a//b", "-a", "a-", "a..b", "a___b", "a._b", "a:", "a:-x", "a:" + "t" * 129, "a b", "a/../b",
            "a@sha256:12", "a@md5:" + HEX, "../a", "/a", "x" * 256, "a\0b", "ä", "b.c:port/a", "a:b:c"]
)  # fmt: skip
def test_what_breaks_the_grammar_is_refused(bad):
    with pytest.raises(BadReference):
        normalize(bad)


def test_the_short_form_drops_what_is_understood():
    assert familiar_name("docker.io/library/tiny:latest") == "tiny:latest"
    assert familiar_name("docker.io/me/tiny:1") == "me/tiny:1"
    assert familiar_name("ghcr.io/library/tiny:1") == "ghcr.io/library/tiny:1"

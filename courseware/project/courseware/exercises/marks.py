"""The decorator that exercises' tests bear."""

from __future__ import annotations

from collections.abc import Sequence

import pytest


def points(
    number: float, *, part: str = "", explain: str = "", after: str | Sequence[str] = ()
) -> pytest.MarkDecorator:
    """Mark a test as worth ``number`` points.

    ``part``: the step of the exercise it belongs to. ``explain``: the id of the stumbling block shown when it fails.
    ``after``: the test, or tests, that must have passed for this one to score.
    """
    names = (after,) if isinstance(after, str) else tuple(after)
    return pytest.mark.points(number, part=part, explain=explain, after=names)

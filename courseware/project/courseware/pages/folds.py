"""Folded parts: ``<details>`` in the source, as GitHub shows it; a closed block on the site.

    <details><summary>Which is right, and why</summary>

    - **a** · *no*: that would be an exit code

    </details>

What belongs here: the change of form. What does not: what is folded.
"""

from __future__ import annotations

import re
import textwrap

FOLD = re.compile(
    r"^<details><summary>(?P<title>[^\n]*?)</summary>\n\n(?P<body>.*?)\n\n</details>$", re.MULTILINE | re.DOTALL
)


def close_folds(text: str) -> str:
    """Return ``text`` with each folded part as a closed block of pymdownx.details."""

    def block(match: re.Match[str]) -> str:
        title = match["title"].replace('"', "'")
        return f'??? question "{title}"\n\n{textwrap.indent(match["body"], "    ")}'

    return FOLD.sub(block, text)

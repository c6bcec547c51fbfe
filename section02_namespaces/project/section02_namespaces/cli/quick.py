"""The quick lane: ``nsman ls`` without options, and without click, which takes longer to load than ``ls`` to look.

What belongs here: what is the same as the command in ``ls.py`` with its defaults (a test compares the two). What does
not: errors: whatever goes wrong, click's lane meets it again, and says so.
"""

from __future__ import annotations

import sys

from section01_processes import LcmError

from ..explore.names import name_pins
from ..explore.rows import Rows, listing, partial_view, usual_columns
from ..explore.survey import take_survey


def list_all() -> bool:
    """Print the list of all namespaces; False, and nothing printed, when that did not go well."""
    try:
        survey = take_survey()
        name_pins(survey)
        lines = listing(Rows(), survey, usual_columns())
    except (LcmError, OSError):
        return False
    try:
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
    except (OSError, AttributeError):  # the reader has gone, a full disk; a closed standard output is None
        return False
    if survey.unreadable:
        print(partial_view(survey.unreadable), file=sys.stderr)
    return True

"""Exercises: what one is, how an answer to it is judged, and the proof that it is right.

The public surface; the formats are in ``docs/reference/exercises.md``. What has the name of its own module
(catalogue) is imported here and now: importing the module later would otherwise put the module in the function's
place. The rest loads on first use.
"""

from __future__ import annotations

from section01_processes import lazy_exports

from .catalogue import catalogue, find
from .model import Exercise, ExerciseError, Limits, Mutant
from .verdicts import Report, TestResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .checking import check as check
    from .marks import points as points
    from .proof import verify as verify

_WHERE = {"check": "checking", "points": "marks", "verify": "proof"}
__all__ = ["Exercise", "ExerciseError", "Limits", "Mutant", "Report", "TestResult", "catalogue", "find"]
__all__ += list(_WHERE)
__getattr__ = lazy_exports(__name__, _WHERE)

"""Inputs that nobody knows before the test runs, and that are the same for the same seed and test. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Nonce:
    """A source of random inputs for one test. Two tests never share their draws, in whatever order they run."""

    def __init__(self, seed: int, exercise: str, test: str) -> None:
        self._random = random.Random(f"{seed}:{exercise}:{test}")  # a str seeds by SHA-512: the same on every machine

    def integer(self, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``, both included."""
        return self._random.randint(low, high)

    def word(self, length: int = 8) -> str:
        """Return ``length`` small letters."""
        return "".join(self._random.choice(LETTERS) for _ in range(length))

    def choice(self, sequence: Sequence[T]) -> T:
        """Return one of ``sequence``."""
        return self._random.choice(sequence)

    def shuffled(self, sequence: Sequence[T]) -> list[T]:
        """Return the members of ``sequence`` in another order."""
        return self._random.sample(sequence, len(sequence))

    def data(self, length: int) -> bytes:
        """Return ``length`` random bytes."""
        return self._random.randbytes(length)

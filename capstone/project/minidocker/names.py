"""Names and ids of containers.

What belongs here: making them and checking them. What does not: whether one is taken (the store knows).
"""

from __future__ import annotations

import os

_QUALITIES = """
    agile amber brave breezy bright brisk calm candid careful cheerful clever copper cosy crisp daring deft eager
    early earnest fair fleet frosty gentle glad golden graceful hardy hazel helpful honest humble jolly keen kind
    lively lucid lunar mellow merry mild mindful modest neat nimble noble patient placid plucky polite prompt proud
    quick quiet rapid ready robust rosy sage serene sharp silver sincere sleek smooth snug solar sound steady sturdy
    sunny swift tidy tranquil trusty upbeat vivid warm wise witty zesty
""".split()  # noqa: SIM905
_SURNAMES = """
    allen backus bartik biham booth cerf codd conway corbato dahl dennis diffie dijkstra estrin feinler floyd gosper
    hamming hamilton hejlsberg hoare holberton hollerith hopper jennings kahan kahn karp kay keller kernighan
    kilburn knuth lamport lampson liskov lovelace mccarthy mcilroy metcalfe milner minsky morris naur neumann newell
    nygaard ossanna perlis perlman pike postel rabin rashid ritchie rivest sammet satyanarayanan scott shamir
    shannon simon spafford stallman stearns steele stonebraker tanenbaum tarjan thacker thompson torvalds turing
    wheeler wiener wilkes wing wirth zuse
""".split()  # noqa: SIM905
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_REST = _FIRST | frozenset("_.-")


def new_id() -> str:
    """Return 64 random hexadecimal digits, the first twelve (the host name) not all decimal."""
    while True:
        identity = os.urandom(32).hex()
        if not identity[:12].isdigit():
            return identity


def random_name() -> str:
    """Return a name like ``steady_hopper``."""
    a, b = os.urandom(2)
    return f"{_QUALITIES[a % len(_QUALITIES)]}_{_SURNAMES[b % len(_SURNAMES)]}"


def valid_name(name: str) -> bool:
    """Return whether ``name`` is Docker's ``[a-zA-Z0-9][a-zA-Z0-9_.-]+``."""
    return len(name) > 1 and name[0] in _FIRST and _REST.issuperset(name)

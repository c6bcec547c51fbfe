"""The isolation tester: textbook escapes, really attempted, against jails of its own, proven by a canary of its own.

    caller ──fork──▶ new user?, pid, mount namespaces: the *stage*, a small host with one tmpfs      (stage.py)
                        │ keeper: an outsider who made the canary's nonce, holds it, serves it     (keeper.py)
                        │ runner: for each method a jail, for each technique an attempt            (runner.py)
                        └──fork / run──▶ the jail: attempts, each in a child of its own            (inside.py)

model.py       Technique, IsolationMethod, Cell, Matrix: the words that all the rest speaks
techniques/    what is attempted, inside; accomplices.py: what an outsider does for an attempt meanwhile
methods.py     the ways to confine that this section has; later sections register theirs (entry points "lcm.isolation")
reasons.py     from a failed call and the facts of a process to a sentence: who stopped it
report.py      the matrix as text

An attempt has exactly the privileges that a program in that jail has. In our own methods the interpreter is forked
before the jail is entered and keeps its memory, so the jail needs no Python; a method that executes its programs
(MiniDocker) really executes one, with the interpreter bound read-only (interpreter.py).
"""

from __future__ import annotations
